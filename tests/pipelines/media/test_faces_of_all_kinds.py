"""Every kind of video, with a real face in it, through reader → a changed face → writer."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipelines.media import Provenance, VideoReader, VideoWriter, encoders
from pipelines.media.orientation import Orientation
from pipelines.media.planes import planes_of

from ..inspection import packet_digests, timestamps

LIMITED, FULL = 1, 2
MILLISECONDS = Fraction(1, 1000)
UNEVEN = [0, 33, 67, 71, 171, 233, 234, 300, 461, 500]
PROVENANCE = Provenance("videoinv", "1.2", "default", ("smile=2",))


@dataclass(frozen=True)
class Result:
    """One edit, with what a test may want to compare."""

    source: Path
    output: Path
    writer: VideoWriter
    reader: VideoReader
    inside: list[float]
    """PSNR of the changed face against what was asked for, frame by frame."""
    outside: list[float]
    """PSNR of everything else against the source."""


def change(image, box):
    """A face as an edit leaves it: its middle warmer and brighter, its border untouched."""
    rows, columns = box
    edited = image.copy()
    face = edited[rows, columns].astype(float)
    ramps = [np.sin(np.linspace(0, np.pi, side)) for side in face.shape[:2]]
    face += np.outer(*ramps)[..., None] * (30, 18, 6)
    edited[rows, columns] = np.clip(np.rint(face), 0, 255)
    return edited


def edit(studio, source, name, *, box=None, **settings):
    """Change the face in every frame of ``source`` and compare the output with what was meant."""
    output = studio.folder / name
    meant = []
    with (
        VideoReader(source) as reader,
        VideoWriter(output, reader, provenance=PROVENANCE, **settings) as writer,
    ):
        box = box or studio.face_box(*reader.size)
        for frame in reader:
            meant.append((frame.image, change(frame.image, box)))
            writer.write(replace(frame, image=meant[-1][1]))
    # The encoder's own blocks and filters reach a little over the border.
    near = tuple(slice(max(0, side.start - 16), side.stop + 16) for side in box)
    elsewhere = np.ones(meant[0][0].shape[:2], bool)
    elsewhere[near] = False
    inside, outside = [], []
    for (before, asked), after in zip(meant, VideoReader(output), strict=True):
        inside.append(studio.psnr(asked[box], after.image[box]))
        outside.append(studio.psnr(before[elsewhere], after.image[elsewhere]))
    return Result(source, output, writer, reader, inside, outside)


def assert_the_face_changed_and_nothing_else(result, *, inside=36.0, outside=41.0):
    assert min(result.inside) > inside, result.inside
    assert min(result.outside) > outside, result.outside
    assert timestamps(result.output) == timestamps(result.source)
    with av.open(str(result.output)) as container:
        assert "edited with AI by videoinv 1.2" in " ".join(container.metadata.values())


def first_stored(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def tags(path):
    frame = first_stored(path)
    return (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)


@pytest.fixture
def film(studio):
    """Makes a small film of a person."""

    def make(name, **properties):
        chosen = {"size": (320, 180), "pts": range(0, 8 * 512, 512), "draw": studio.person}
        return studio.make(name, **(chosen | properties))

    return make


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
def test_a_variable_frame_rate_in_every_container(studio, film, name):
    audio = "aac" if name == "out.mov" else "libopus"
    source = film("in.mkv", pts=UNEVEN, time_base=MILLISECONDS, audio_codec=audio)
    result = edit(studio, source, name)
    assert_the_face_changed_and_nothing_else(result)
    assert timestamps(source) == [Fraction(ticks, 1000) for ticks in UNEVEN]
    sound = [[digest for _, _, digest in packet_digests(path)] for path in (source, result.output)]
    assert sound[0] == sound[1] != []
    assert result.writer.dropped == []


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_sideways_phone_video(studio, film, angle):
    source = film("in.mov", rotation=angle, color=(LIMITED, 1, 1, 1))
    size = (320, 180) if angle == 180 else (180, 320)
    # The face is where it is shown, so its place turns with the picture.
    rows, columns = np.rot90(np.indices((180, 320)), angle // 90, axes=(1, 2))
    box = studio.face_box(320, 180)
    held = (rows >= box[0].start) & (rows < box[0].stop)
    held &= (columns >= box[1].start) & (columns < box[1].stop)
    place = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(held))
    result = edit(studio, source, "out.mp4", box=place)
    assert_the_face_changed_and_nothing_else(result, outside=40)
    assert 90 * result.reader.orientation.quarter_turns == angle
    shown = VideoReader(result.output)
    assert (shown.orientation, shown.size) == (Orientation(), size)
    assert tags(result.output) == tags(source) == (LIMITED, 1, 1, 1)
    assert packet_digests(result.output) == packet_digests(source) != []


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
def test_ten_bit_hevc_in_hlg(studio, film, name):
    source = film(
        "in.mov",
        codec="libx265",
        pixels="yuv420p10le",
        color=(LIMITED, 9, 9, 18),
        time_base=MILLISECONDS,
        pts=UNEVEN,
        audio=(),
    )
    result = edit(studio, source, name)
    assert_the_face_changed_and_nothing_else(result, inside=33, outside=38)
    assert first_stored(result.output).format.name == "yuv420p10le"
    assert tags(result.output) == tags(source) == (LIMITED, 9, 9, 18)


def test_full_range(studio, film):
    source = film("in.mp4", pixels="yuvj420p", color=(FULL, 6, 6, 6))
    result = edit(studio, source, "out.mp4")
    assert_the_face_changed_and_nothing_else(result)
    assert tags(result.output) == (FULL, 6, 6, 6)
    assert planes_of(first_stored(result.output))[0].min() < 16


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("levels", [LIMITED, FULL])
def test_every_matrix_and_range(studio, film, matrix, levels):
    source = film("in.mp4", color=(levels, matrix, 1, 1), audio=())
    result = edit(studio, source, "out.mkv", crf=8)
    assert min(result.inside) > 38 and min(result.outside) > 44
    assert tags(result.output) == (levels, matrix, 1, 1)


@pytest.mark.parametrize(("pixels", "name"), [("yuv444p", "out.mp4"), ("yuv444p", "out.webm")])
def test_an_odd_size(studio, film, pixels, name):
    source = film("in.mp4", size=(853, 481), pixels=pixels, pts=range(0, 4 * 512, 512), audio=())
    result = edit(studio, source, name, preset="ultrafast" if name == "out.mp4" else "8")
    assert min(result.inside) > 34 and min(result.outside) > 40
    assert VideoReader(result.output).size == (853, 481)
    assert first_stored(result.output).format.name == "yuv444p"


def test_two_sound_tracks_and_subtitles_in_matroska(studio, film):
    plain = film("plain.mkv", time_base=MILLISECONDS, pts=UNEVEN, audio=("eng", "fra"))
    source = studio.with_subtitles(plain, "in.mkv")
    result = edit(studio, source, "out.mkv")
    assert_the_face_changed_and_nothing_else(result)
    assert result.writer.dropped == []
    for kind in ("audio", "subtitle"):
        assert packet_digests(result.output, kind) == packet_digests(source, kind) != []
    assert studio.languages(result.output) == studio.languages(source)
    named = edit(studio, source, "out.webm").writer.dropped
    assert [reason.split(" (")[0] for reason in named] == [
        "audio stream 1",
        "audio stream 2",
        "subtitle stream 3",
    ]


@pytest.mark.parametrize("name", ["out.webm", "out.mkv", "out.mov"])
@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_webm_with_alpha(studio, film, name, codec):
    source = film(
        "in.webm",
        codec=codec,
        pixels="yuva420p",
        color=(LIMITED, 6, 6, 6),
        time_base=MILLISECONDS,
        pts=UNEVEN,
        options={"auto-alt-ref": "0", "crf": "10", "b": "2M"},
        audio=(),
        alpha=True,
    )
    result = edit(studio, source, name)
    assert_the_face_changed_and_nothing_else(result, inside=34, outside=38)
    assert result.writer.dropped == []
    assert codec == "libvpx" or tags(result.output) == (LIMITED, 6, 6, 6)  # VP8 knows no matrix
    for before, after in zip(VideoReader(source), VideoReader(result.output), strict=True):
        opaque = [
            frame.decoded.frame.to_ndarray(format="rgba")[..., 3].astype(int)
            for frame in (before, after)
        ]
        assert np.ptp(opaque[0]) > 200
        assert np.abs(opaque[0] - opaque[1]).mean() < 2


def test_a_truncated_tail(studio, film):
    source = film("in.mp4", pts=range(0, 40 * 512, 512), options={"g": "10"})
    whole = timestamps(source)
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * 0.6)])
    result = edit(studio, source, "out.mp4")
    assert_the_face_changed_and_nothing_else(result, outside=40)
    assert result.reader.truncated
    assert [reason for reason in result.writer.dropped if "source breaks off after" in reason]
    assert 10 < len(timestamps(source)) < 40
    assert set(timestamps(result.output)) <= set(whole)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_corrupt_packet_costs_its_frames_only(studio, film, codec):
    source = film("in.mp4", codec=codec, pts=range(0, 40 * 512, 512), options={"g": "10"})
    whole, sound = timestamps(source), packet_digests(source)
    studio.damage_a_packet(source)
    result = edit(studio, source, "out.mp4")
    assert_the_face_changed_and_nothing_else(result, outside=40)
    lost = set(whole) - set(timestamps(result.output))
    assert 0 < len(lost) == result.reader.skipped <= 10
    assert packet_digests(result.output) == sound


@pytest.mark.parametrize(("name", "usual"), [("out.mp4", "libx264"), ("out.webm", "libvpx-vp9")])
def test_hardware_is_used_where_it_works_and_is_never_in_the_way(studio, film, name, usual):
    source = film("in.mp4", audio=())
    result = edit(studio, source, name, codec="hardware")
    assert len(timestamps(result.output)) == 8 and min(result.inside) > 28
    missing = f"hardware encoder: none works here, so {usual} was taken"
    with av.open(str(result.output)) as container:
        written = container.streams.video[0].codec_context.name
    assert written in {"h264", "av1"} if missing not in result.writer.dropped else {"h264", "vp9"}


def test_hardware_that_opens_is_taken(studio, film, monkeypatch):
    """libx265 stands in for a chip: it is listed, it opens, it is used."""
    chips = {"others": (("no_such_chip", "h264_nvenc", "libx265"),) * 2, "webm": ((), ())}
    monkeypatch.setattr(encoders, "_HARDWARE", chips)
    monkeypatch.setattr(encoders, "_opens", lambda chosen, _: chosen.codec == "libx265")
    result = edit(studio, film("in.mp4", audio=()), "out.mp4", codec="hardware")
    with av.open(str(result.output)) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
    assert result.writer.dropped == []
