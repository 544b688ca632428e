"""Every kind of video through ``videoinv edit``: a face is found, edited, and the rest is kept."""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from pipelines.cli import main
from pipelines.media import VideoReader

from ..inspection import packet_digests, timestamps

pytestmark = pytest.mark.slow

MILLISECONDS = {"time_base": Fraction(1, 1000), "pts": [0, 33, 134, 171]}
VP9_ALPHA = {"codec": "libvpx-vp9", "pixels": "yuva420p", "alpha": True, "audio": ()}


@pytest.fixture
def film(studio):
    def make(name, **properties):
        chosen = {"size": (400, 400), "pts": range(0, 4 * 512, 512), "draw": studio.person}
        return studio.make(name, **(chosen | properties))

    return make


def edit(source, name):
    """Run the command with hardly any inversion; returns the output and the report."""
    output, report = source.parent / name, source.with_name("report.json")
    quick = ["--encoder", "optimize", "--steps", "2", "--size", "256", "--edit", "smile=3"]
    assert main(["edit", str(source), "-o", str(output), *quick, "--report", str(report)]) == 0
    return output, json.loads(report.read_text())


def assert_edited(source, output, report):
    assert report["faces"] == report["frames"] > 0
    for before, after in zip(VideoReader(source), VideoReader(output), strict=True):
        change = np.abs(before.image.astype(int) - after.image).max(axis=2)
        assert (change > 25).mean() > 0.001
        assert np.median(change) <= 4


def test_variable_rate_two_sound_tracks_and_subtitles(studio, film):
    source = studio.with_subtitles(film("a.mkv", audio=("eng", "fra"), **MILLISECONDS), "in.mkv")
    output, report = edit(source, "out.mkv")
    assert_edited(source, output, report)
    assert timestamps(output) == timestamps(source)
    for kind in ("audio", "subtitle"):
        assert packet_digests(output, kind) == packet_digests(source, kind) != []
    assert report["dropped"] == []


def test_pixels_that_are_not_square(studio, film):
    """The face is found as wide as it is, and the file keeps its pixels."""

    def squeezed(index, width, height):
        wide = studio.person(index, 2 * width, height)
        return np.ascontiguousarray(cv2.resize(wide, (width, height)))

    source = film("in.mp4", size=(200, 400), aspect=Fraction(2), draw=squeezed)
    output, report = edit(source, "out.mp4")
    assert_edited(source, output, report)
    reader = VideoReader(output)
    assert (reader.size, reader.pixel_aspect) == ((200, 400), 2)
    corners = [(clip, next(iter(VideoReader(clip))).image[-40:]) for clip in (source, output)]
    assert studio.psnr(corners[0][1], corners[1][1]) > 41


def test_a_sideways_face(studio, film):
    def lying(index, width, height):
        return np.ascontiguousarray(np.rot90(studio.person(index, height, width), -1))

    source = film("in.mov", rotation=90, size=(360, 400), draw=lying)
    output, report = edit(source, "out.mp4")
    assert_edited(source, output, report)
    assert VideoReader(output).size == (400, 360)
    assert packet_digests(output) == packet_digests(source) != []


def test_hlg(studio, film):
    hlg = {"codec": "libx265", "pixels": "yuv420p10le", "color": (1, 9, 9, 18)}
    source = film("in.mov", **hlg)
    output, report = edit(source, "out.mov")
    assert_edited(source, output, report)
    with av.open(str(output)) as container:
        stored = next(container.decode(video=0))
    assert stored.format.name == "yuv420p10le"
    assert (stored.color_range, stored.colorspace, stored.color_trc) == (1, 9, 18)


def test_alpha(studio, film):
    source = film("in.webm", **VP9_ALPHA, **MILLISECONDS, options={"auto-alt-ref": "0"})
    output, report = edit(source, "out.webm")
    assert_edited(source, output, report)
    assert VideoReader(output).pixel_format == "yuva420p"


def test_a_corrupt_packet_and_a_cut_off_tail(studio, film):
    source = film("in.mp4", pts=range(0, 9 * 512, 512), options={"g": "3"})
    whole = timestamps(source)
    studio.damage_a_packet(source)
    output, report = edit(source, "out.mp4")
    assert_edited(source, output, report)
    lost = set(whole) - set(timestamps(output))
    assert 0 < len(lost) == report["packets_skipped"] < 4


def test_pictures(studio, film):
    source = film("in.mp4", audio=())
    frames = edit(source, "frames/%06d.png")[0].parent
    assert sorted(path.name for path in frames.glob("*.png")) == [f"{n:06}.png" for n in range(4)]
    output, report = edit(frames, "again.mp4")
    assert (report["frames"], report["faces"]) == (4, 4)
    assert timestamps(output) == [Fraction(n, 25) for n in range(4)]
