"""A looped clip is the clip again and again, picture and sound, packet for packet."""

from itertools import pairwise

import pytest

from pipelines.media.looping import loop_clip
from videoinv.checkpoints.fetch import fetch

from ..inspection import packet_digests, timestamps


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_the_packets_repeat_and_their_times_increase(kind, tmp_path):
    clip, looped = fetch("clip-webcam-smile"), tmp_path / "looped.mp4"
    loop_clip(clip, looped, 6.0)
    once, often = packet_digests(clip, kind), packet_digests(looped, kind)
    turns = len(often) // len(once)
    assert turns == 3 and [digest for *_, digest in often] == turns * [d for *_, d in once]
    decoding = [dts for _, dts, _ in often]
    assert all(one < other for one, other in pairwise(decoding))
    assert timestamps(looped)[-1] > 6
