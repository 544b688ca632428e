"""A clip of a person, as phones and webcams make them, and a clip that is long."""

import subprocess
import sys

import numpy as np
import pytest

from pipelines.media import VideoReader
from videoinv.checkpoints.fetch import fetch

from ..inspection import packet_digests, timestamps

PEAK = """
import resource, sys
from pipelines.media import VideoReader, VideoWriter
with VideoReader(sys.argv[1]) as reader, VideoWriter(sys.argv[2], reader) as writer:
    for frame in reader:
        writer.write(frame)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_clip_that_nobody_edits_stays_itself(studio, tmp_path):
    source, target = fetch("clip-webcam-smile"), tmp_path / "out.mp4"
    writer = studio.copy(source, target)
    assert timestamps(target) == timestamps(source)
    assert packet_digests(target) == packet_digests(source) != []
    assert writer.frames == 72 and writer.dropped == []
    pairs = zip(VideoReader(source), VideoReader(target), strict=True)
    qualities = [studio.psnr(before.image, after.image) for before, after in pairs]
    assert np.mean(qualities) > 44 and min(qualities) > 42


@pytest.mark.slow
def test_memory_does_not_grow_with_length(studio, tmp_path):
    peaks = []
    for count in (300, 6000):
        clip = studio.make(f"{count}.mp4", pts=range(0, count * 512, 512), size=(320, 240))
        command = [sys.executable, "-c", PEAK, str(clip), str(tmp_path / "out.mp4")]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] - peaks[0] < 20, f"MiB: {peaks}"
