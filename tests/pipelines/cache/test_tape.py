"""A tape: played back bit for bit, cut where it is damaged, and never a reason to fail."""

import io
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cache.tape import Tape

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.uint8)


def results(count, made, dtype=torch.float32):
    """``count`` computations, each noting in ``made`` that it ran."""
    for index in range(count):

        def compute(index=index):
            made.append(index)
            values = torch.randn(3, index % 4, generator=torch.Generator().manual_seed(index))
            return {"values": values.to(dtype), "index": torch.tensor(index)}

        yield f"frame {index}", compute


def run(path, count, dtype=torch.float32, **options):
    """The results, which of them were computed, and the tape's remarks."""
    made = []
    tape = Tape(path, **options)
    played = [tape.play(label, compute) for label, compute in results(count, made, dtype)]
    tape.close()
    return played, made, tape.remarks


def same(one, other):
    return all(
        torch.equal(a["values"], b["values"]) and a["values"].dtype == b["values"].dtype
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_was_recorded_is_played_back_bit_for_bit(dtype, tmp_path):
    first, made, _ = run(tmp_path / "t", 9, dtype)
    again, computed, remarks = run(tmp_path / "t", 9, dtype)
    assert made == list(range(9)) and computed == [] and remarks == []
    assert same(first, again)


def test_a_longer_run_goes_on_where_the_tape_ends(tmp_path):
    run(tmp_path / "t", 5)
    longer, made, _ = run(tmp_path / "t", 8)
    assert made == [5, 6, 7]
    assert run(tmp_path / "t", 8)[1] == []
    assert same(longer, run(None, 8)[0])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_cut_off_anywhere_the_results_are_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tape") / "t"
    whole, _, _ = run(path, 6)
    size = data.draw(st.integers(0, path.stat().st_size - 1))
    os.truncate(path, size)
    again, made, remarks = run(path, 6)
    assert same(whole, again) and made == list(range(6 - len(made), 6)) and made
    assert remarks == []  # a kill in the middle of a word is nothing to speak about
    assert run(path, 6)[1] == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_with_a_byte_changed_anywhere_the_results_are_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tape") / "t"
    whole, _, _ = run(path, 6)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    again, made, _ = run(path, 6)
    assert same(whole, again) and made
    assert run(path, 6)[1] == []


@pytest.mark.parametrize("content", [b"Dear Sir or Madam,", b"videoinv tape 0\n12345", b"\0" * 999])
def test_a_foreign_file_is_made_afresh_and_said_so(content, tmp_path):
    (tmp_path / "t").write_bytes(content)
    _, made, remarks = run(tmp_path / "t", 3)
    assert made == [0, 1, 2] and len(remarks) == 1 and "made afresh" in remarks[0]
    assert run(tmp_path / "t", 3)[1:] == ([], [])


def test_another_sequence_is_computed_from_where_it_differs(tmp_path):
    run(tmp_path / "t", 4)
    tape = Tape(tmp_path / "t")
    for label, compute in results(2, []):
        tape.play(label, compute)
    other = tape.play("something else", lambda: {"values": torch.ones(1)})
    tape.close()
    assert other["values"].item() == 1
    assert "'frame 2' where 'something else' is due after 2 results" in tape.remarks[0]
    assert run(tmp_path / "t", 2)[1] == []


def test_on_a_disk_that_is_nearly_full_the_work_goes_on(tmp_path):
    _, made, remarks = run(tmp_path / "t", 3, reserve=2**60)
    assert made == [0, 1, 2] and len(remarks) == 1 and "GB left" in remarks[0]


def test_a_folder_that_is_gone_is_no_reason_to_fail(tmp_path):
    _, made, remarks = run(tmp_path / "none" / "t", 3)
    assert made == [0, 1, 2] and "cannot be opened" in remarks[0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_when_the_disk_takes_no_more_the_work_goes_on_and_the_rest_is_of_use(tmp_path):
    import resource

    run(tmp_path / "t", 2)
    size = (tmp_path / "t").stat().st_size
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, old[1]))
    try:
        _, made, remarks = run(tmp_path / "t", 6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert made == [2, 3, 4, 5] and len(remarks) == 1 and "kept no further" in remarks[0]
    assert (tmp_path / "t").stat().st_size == size
    assert run(tmp_path / "t", 6)[1] == [2, 3, 4, 5]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("room", [0, 5])
def test_a_disk_that_does_not_even_take_the_head_is_no_reason_to_fail(room, tmp_path):
    import resource

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        _, made, remarks = run(tmp_path / "t", 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert made == [0, 1, 2] and len(remarks) == 1 and "cannot be begun" in remarks[0]
    assert run(tmp_path / "t", 3)[1:] == ([0, 1, 2], [])
    assert run(tmp_path / "t", 3)[1] == []


class Stubborn(io.FileIO):
    """A file on a disk that has become read-only."""

    def truncate(self, size=None):
        raise OSError(30, "Read-only file system")


@pytest.mark.parametrize("content", [b"Dear Sir or Madam,", None])
def test_a_tape_that_cannot_be_cut_is_no_reason_to_fail(content, tmp_path, monkeypatch):
    path = tmp_path / "t"
    if content is None:
        run(path, 3)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    else:
        path.write_bytes(content)
    monkeypatch.setattr(type(path), "open", lambda self, mode, **_: Stubborn(self, "r+"))
    played, made, remarks = run(path, 3)
    assert len(played) == 3 and made == ([2] if content is None else [0, 1, 2])
    assert "Read-only file system); the work goes on without it" in remarks[-1]


def test_two_runs_at_once_do_not_write_into_each_other(tmp_path):
    first = Tape(tmp_path / "t")
    _, made, remarks = run(tmp_path / "t", 3)
    first.close()
    assert made == [0, 1, 2] and "in use by another run" in remarks[0]
    assert run(tmp_path / "t", 3)[1:] == ([0, 1, 2], [])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that cannot be caught")
def test_what_was_recorded_before_a_kill_is_there(tmp_path):
    program = f"""
        import sys, torch
        from pathlib import Path
        from pipelines.cache.tape import Tape
        tape = Tape(Path({str(tmp_path / "t")!r}))
        for index in range(4):
            tape.play(f"frame {{index}}", lambda: {{"values": torch.full((9,), float(index))}})
        print("ready", flush=True)
        sys.stdin.read()
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program)]
    child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    played, made, remarks = run(tmp_path / "t", 5)
    assert made == [4] and remarks == []
    assert [p["values"][0].item() for p in played[:4]] == [0, 1, 2, 3]
