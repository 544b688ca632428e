"""Encoders do not change how anything else of the program runs."""

import os
import sys
import threading
from pathlib import Path

import pytest

from pipelines.media import VideoReader, VideoWriter
from pipelines.media.scheduling import priority_kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names")


def policies():
    """How all threads of this process are scheduled."""
    return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libsvtav1", "out.webm"), ("libx264", "out.mp4"), ("libx265", "out.mp4")],
)
def test_no_encoder_makes_itself_more_important_than_the_rest(studio, tmp_path, codec, name):
    before = policies()
    reader = VideoReader(studio.make("in.mp4", audio=()))
    with VideoWriter(tmp_path / name, reader, codec=codec) as writer:
        for frame in reader:
            writer.write(frame)
        assert policies() == before
    assert policies() == before


def test_threads_that_begin_inside_and_this_one_are_put_back():
    before, over = policies(), threading.Event()
    with priority_kept():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        thread = threading.Thread(target=over.wait)
        thread.start()
        assert os.SCHED_BATCH in policies()
    assert policies() == before
    over.set()
    thread.join()
