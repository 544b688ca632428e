"""Outputs under way: nothing of a killed run stays, nothing of a live one goes."""

import os
import signal
import subprocess
import sys

import pytest

from pipelines.media.partial import PartialFile


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_runs_for_one_target_do_not_remove_each_other(tmp_path):
    first, second = PartialFile(tmp_path / "out.mp4"), PartialFile(tmp_path / "out.mp4")
    first.path.write_bytes(b"first")
    second.path.write_bytes(b"second")
    first.complete()
    assert (tmp_path / "out.mp4").read_bytes() == b"first"
    second.complete()
    assert (tmp_path / "out.mp4").read_bytes() == b"second"
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that cannot be caught")
def test_what_a_killed_run_left_goes_with_the_next_one_for_the_same_target(tmp_path):
    program = (
        "import sys; from pathlib import Path; from pipelines.media.partial import PartialFile; "
        f"part = PartialFile(Path({str(tmp_path / 'out.mp4')!r})); "
        "print('ready', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    (tmp_path / ".out.mp4.txt").touch()
    PartialFile(tmp_path / "out.mp4").discard()
    assert len(names(tmp_path)) == 2  # the child lives and keeps its file
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    PartialFile(tmp_path / "other.mp4").discard()
    assert len(names(tmp_path)) == 2
    PartialFile(tmp_path / "out.mp4").discard()
    assert names(tmp_path) == [".out.mp4.txt"]
