"""Frame times in the output equal those of the input, one by one."""

import itertools
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.media import VideoReader
from pipelines.media.continuity import Continuity

from ..inspection import packet_digests, timestamps

CLOCKS = [Fraction(1, 90000), Fraction(1, 15360), Fraction(1, 600), Fraction(1001, 30000)]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.integers(1, 4000), min_size=8, max_size=20),
    clock=st.sampled_from(CLOCKS),
    start=st.integers(0, 5000),
    suffix=st.sampled_from(["mp4", "mov"]),
)
def test_variable_rate_is_exact(studio, steps, clock, start, suffix):
    pts = [start + sum(steps[:count]) for count in range(len(steps))]
    source = studio.make(f"in.{suffix}", pts=pts, time_base=clock, size=(32, 32), audio=())
    expected = timestamps(source)
    studio.copy(source, studio.folder / "out.mp4")
    assert timestamps(studio.folder / "out.mp4") == expected
    assert len(expected) == len(pts)


@pytest.mark.parametrize(
    ("name", "target"),
    [("in.mkv", "out.mkv"), ("in.mkv", "out.mp4"), ("in.webm", "out.webm"), ("in.webm", "out.mp4")],
)
def test_matroska_milliseconds_are_exact(studio, tmp_path, name, target):
    vp9 = {"codec": "libvpx-vp9", "audio_codec": "libopus"}
    pts = [0, 33, 67, 100, 171, 233, 234, 300, 333, 400]
    source = studio.make(
        name, pts=pts, time_base=Fraction(1, 1000), **(vp9 if name == "in.webm" else {})
    )
    writer = studio.copy(source, tmp_path / target)
    assert timestamps(source) == [Fraction(ticks, 1000) for ticks in pts]
    assert timestamps(tmp_path / target) == timestamps(source)
    payloads = [digest for _, _, digest in packet_digests(source)]
    assert payloads and [digest for _, _, digest in packet_digests(tmp_path / target)] == payloads
    assert writer.dropped == []


def test_finer_times_in_matroska_are_rounded_and_reported(studio, tmp_path):
    source = studio.make("in.mp4")
    writer = studio.copy(source, tmp_path / "out.mkv")
    pairs = zip(timestamps(source), timestamps(tmp_path / "out.mkv"), strict=True)
    assert all(abs(before - after) <= Fraction(1, 2000) for before, after in pairs)
    assert any("rounds them to 1/1000 s" in reason for reason in writer.dropped)


def test_whole_milliseconds_of_a_finer_clock_are_not_called_rounded(studio, tmp_path):
    pts = [0, 640, 1600, 3200, 3840]
    source = studio.make("in.mp4", pts=pts, time_base=Fraction(1, 16000), audio=())
    assert studio.copy(source, tmp_path / "out.mkv").dropped == []
    assert timestamps(tmp_path / "out.mkv") == timestamps(source)


def test_a_film_that_begins_before_zero_is_moved_as_a_whole(studio, tmp_path):
    clock = Fraction(1, 90000)
    source = studio.make("in.ts", pts=range(-30000, 42000, 3000), time_base=clock, audio=())
    before = timestamps(source)
    assert before[0] == Fraction(-1, 3)
    writer = studio.copy(source, tmp_path / "out.mp4")
    assert timestamps(tmp_path / "out.mp4") == [time - before[0] for time in before]
    assert writer.dropped == ["start: the film began 1/3 s before zero, now at zero"]


def test_a_part_of_a_clip(studio):
    reader = VideoReader(studio.make("in.mp4", options={"g": "5"}))
    every = list(reader)
    start, stop = every[7].time, every[15].time
    part = list(reader.frames(start, stop))
    assert [frame.time for frame in part] == [frame.time for frame in every[7:15]]
    assert [frame.index for frame in part] == list(range(8))
    assert all((a.image == b.image).all() for a, b in zip(part, every[7:15], strict=True))


def test_reader_describes_the_clip(studio):
    reader = VideoReader(studio.make("in.mp4"))
    assert (reader.size, reader.rate, reader.frame_count) == ((96, 64), 30, 24)
    assert reader.duration == Fraction(24, 30)


def test_recordings_joined_byte_by_byte_go_on_where_the_clock_jumps_back(studio, tmp_path):
    clock = Fraction(1, 90000)
    pts = range(270000, 270000 + 60 * 3000, 3000)
    part = studio.make("part.ts", pts=pts, time_base=clock).read_bytes()
    source = tmp_path / "in.ts"
    source.write_bytes(part * 2)
    writer = studio.copy(source, tmp_path / "out.mp4")
    after = timestamps(tmp_path / "out.mp4")
    assert len(after) == 120
    gaps = [late - early for early, late in itertools.pairwise(after)]
    assert all(Fraction(1, 40) < gap < Fraction(1, 10) for gap in gaps)
    sound = packet_digests(tmp_path / "out.mp4")
    assert len(sound) == len(packet_digests(source)) > 100  # AAC loses TS's own headers
    times = [time for time, _, _ in sound]
    assert times == sorted(times) and 3.5 < times[-1] < 4.5
    assert [reason for reason in writer.dropped if "clock jumps back" in reason]


@given(
    ticks=st.lists(st.integers(-(10**5), 10**5), min_size=1, max_size=50),
    shown=st.lists(st.integers(0, 5000), min_size=50, max_size=50),
)
def test_decoding_times_always_increase_and_are_never_after_showing(ticks, shown):
    clock, mended = Continuity(strict=True), []
    for dts, delay in zip(ticks, shown, strict=False):
        packet = av.Packet(b"x")
        packet.time_base = Fraction(1, 1000)
        packet.dts, packet.pts = dts, dts + delay
        clock.mend(packet)
        assert packet.pts >= packet.dts
        mended.append(packet.dts)
    assert all(early < late for early, late in itertools.pairwise(mended))
    if all(early < late for early, late in itertools.pairwise(ticks)):
        assert mended == ticks and not clock.jumps


def test_a_film_whose_clock_begins_hours_late_begins_at_once(studio, tmp_path):
    clock = Fraction(1, 90000)
    first = 90000 * 3600 + 30000
    source = studio.make("in.ts", pts=range(first, first + 72000, 3000), time_base=clock)
    before = timestamps(source)
    writer = studio.copy(source, tmp_path / "out.mp4")
    after = timestamps(tmp_path / "out.mp4")
    assert [b - a for b, a in pairwise(after)] == [b - a for b, a in pairwise(before)]
    assert after[0] == 1 + before[0] % 1
    assert writer.dropped == [
        f"start: the film's clock began at {float(before[0]):.2f} s, now at 1"
    ]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration < 4_000_000 and len(container.streams) == 2
