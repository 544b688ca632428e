"""Outputs under way: nothing of a killed run stays, nothing of a live one goes."""

import os
import signal
import subprocess
import sys

import pytest

from pipelines.media.partial import PartialFile, PartialFolder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def folder_of(target):
    return PartialFolder(target, lambda name: name.endswith(".png"))


def test_two_runs_for_one_target_do_not_remove_each_other(tmp_path):
    first, second = PartialFile(tmp_path / "out.mp4"), PartialFile(tmp_path / "out.mp4")
    first.path.write_bytes(b"first")
    second.path.write_bytes(b"second")
    first.complete()
    assert (tmp_path / "out.mp4").read_bytes() == b"first"
    second.complete()
    assert (tmp_path / "out.mp4").read_bytes() == b"second"
    assert names(tmp_path) == ["out.mp4"]


def test_two_runs_for_one_folder_do_not_remove_each_other(tmp_path):
    first, second = folder_of(tmp_path / "out"), folder_of(tmp_path / "out")
    first.add("1.png", b"first")
    second.add("2.png", b"second")
    first.complete()
    assert names(tmp_path / "out") == ["1.png"]
    second.complete()
    assert names(tmp_path / "out") == ["1.png", "2.png"] and names(tmp_path) == ["out"]


def test_pictures_are_on_the_disk_before_they_get_their_names(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((os.fstat(file).st_size, out())))

    def out():
        return (tmp_path / "out").exists()

    folder = folder_of(tmp_path / "out")
    folder.add("1.png", b"1")
    folder.add("2.png", b"22")
    folder.complete()
    assert synced == [(1, False), (2, False)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that cannot be caught")
@pytest.mark.parametrize(
    ("name", "make", "begin"),
    [
        ("out.mp4", PartialFile, "held = PartialFile(target)"),
        ("out.v2", folder_of, "held = PartialFolder(target, str.isdigit); held.add('0', b'0')"),
    ],
)
def test_what_a_killed_run_left_goes_with_the_next_one_for_the_same_target(
    name, make, begin, tmp_path
):
    program = (
        "import sys; from pathlib import Path; from pipelines.media.partial import *; "
        f"target = Path({str(tmp_path / name)!r}); {begin}; "
        "print('ready', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    (tmp_path / f".{name}.txt").touch()
    make(tmp_path / name).discard()
    assert len(names(tmp_path)) == 2  # the child lives and keeps its file
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    make(tmp_path / "other.mp4").discard()
    assert len(names(tmp_path)) == 2
    make(tmp_path / name).discard()
    assert names(tmp_path) == [f".{name}.txt"]
