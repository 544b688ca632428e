"""Colours, depth, chroma, orientation and odd sizes survive; edits land where they were made."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from pipelines.media import Frame, VideoReader, VideoWriter
from pipelines.media.color import Color, ColorConverter
from pipelines.media.encoders import choose_encoding
from pipelines.media.orientation import Orientation, orientation_of
from pipelines.media.picture import PictureBuilder
from pipelines.media.planes import PlanarFormat, planes_of

LIMITED, FULL = 1, 2
TAGS = [(LIMITED, 6, 6, 6), (FULL, 6, 6, 6), (LIMITED, 1, 1, 1), (FULL, 1, 1, 1)]
WHITE, RED = (255, 255, 255), (255, 0, 0)


def tags(frame):
    return (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)


def first_stored(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


@pytest.mark.parametrize("color", TAGS)
def test_rgb_to_ycc_and_back_has_no_tint(studio, color):
    levels, matrix, primaries, transfer = color
    as_tagged = Color(matrix, primaries, transfer, levels == FULL, levels, hd=False)
    encoding = choose_encoding(
        "mp4", PlanarFormat("420", 8, False), (96, 64), codec=None, crf=None, preset=None
    )
    builder = PictureBuilder(Orientation(), (96, 64), as_tagged, encoding)
    image = studio.picture(5, 96, 64)
    back = ColorConverter().rgb(builder.build(Frame(image, 0, Fraction(1, 30), 0)))
    error = back.astype(float) - image
    assert np.abs(error).mean() < 1.5
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.6


@pytest.mark.parametrize(
    ("color", "rgb", "ycc"),
    [
        ((LIMITED, 6), WHITE, (235, 128, 128)),
        ((FULL, 6), WHITE, (255, 128, 128)),
        ((LIMITED, 6), RED, (81, 90, 240)),  # BT.601, as in its 75 % bars' equations at 100 %
        ((LIMITED, 1), RED, (63, 102, 240)),  # BT.709
        ((FULL, 1), RED, (54, 99, 255)),
    ],
)
def test_code_values_are_those_of_the_standards(color, rgb, ycc):
    levels, matrix = color
    affine = Color(matrix, 2, 2, levels == FULL, levels, hd=False).from_rgb(8)
    values = np.rint(affine @ np.array([*rgb, 1.0]))
    assert np.clip(values, 0, 255).tolist() == list(ycc)


@pytest.mark.parametrize("color", TAGS)
def test_tags_are_carried(studio, tmp_path, color):
    source = studio.make("in.mp4", color=color)
    studio.copy(source, tmp_path / "out.mp4")
    assert tags(first_stored(source)) == color
    assert tags(first_stored(tmp_path / "out.mp4")) == color
    pairs = zip(VideoReader(source), VideoReader(tmp_path / "out.mp4"), strict=True)
    assert min(studio.psnr(before.image, after.image) for before, after in pairs) > 40


@pytest.mark.parametrize(("codec", "suffix"), [("libx265", "mp4"), ("libx265", "webm")])
def test_ten_bits_and_hlg_stay(studio, tmp_path, codec, suffix):
    hlg = (LIMITED, 9, 9, 18)
    source = studio.make("in.mov", codec=codec, pixels="yuv420p10le", color=hlg)
    studio.copy(source, tmp_path / f"out.{suffix}")
    before, after = first_stored(source), first_stored(tmp_path / f"out.{suffix}")
    assert after.format.name == "yuv420p10le"
    assert tags(after) == hlg
    assert np.abs(planes_of(before)[0].astype(int) - planes_of(after)[0]).mean() < 8


@pytest.mark.parametrize("pixels", ["yuv444p", "yuv422p"])
def test_finer_chroma_stays(studio, tmp_path, pixels):
    writer = studio.copy(studio.make("in.mp4", pixels=pixels), tmp_path / "out.mp4")
    assert first_stored(tmp_path / "out.mp4").format.name == pixels
    assert writer.dropped == []


def test_what_an_encoder_cannot_keep_is_named(studio, tmp_path):
    source = studio.make("in.mov", codec="libx265", pixels="yuv422p10le", audio=())
    writer = studio.copy(source, tmp_path / "out.webm", codec="libvpx-vp9")
    assert "10 bits per sample: libvpx-vp9 keeps 8" in writer.dropped


def test_alpha_stays_in_webm_and_is_named_elsewhere(studio, tmp_path):
    source = studio.make(
        "in.webm",
        codec="libvpx-vp9",
        pixels="yuva420p",
        time_base=Fraction(1, 1000),
        pts=range(0, 400, 40),
        options={"auto-alt-ref": "0"},
        audio=(),
    )
    assert VideoReader(source).pixel_format == "yuva420p"
    assert studio.copy(source, tmp_path / "out.webm").dropped == []
    assert VideoReader(tmp_path / "out.webm").pixel_format == "yuva420p"
    assert studio.copy(source, tmp_path / "out.mp4").dropped == ["alpha channel: libx264 has none"]


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_odd_sizes(studio, tmp_path, suffix):
    source = studio.make("in.mp4", size=(85, 47), pixels="yuv444p", audio=())
    studio.copy(source, tmp_path / f"out.{suffix}")
    result = VideoReader(tmp_path / f"out.{suffix}")
    assert result.size == (85, 47)
    last = list(zip(VideoReader(source), result, strict=True))[-1]
    assert studio.psnr(last[0].image, last[1].image) > 38


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (270, 3), (-90, 3)])
def test_sideways_video_comes_out_upright(studio, tmp_path, angle, turns):
    source = studio.make("in.mov", rotation=angle)
    reader = VideoReader(source)
    upright = np.rot90(studio.picture(0, 96, 64), turns)
    assert (reader.height, reader.width) == upright.shape[:2]
    assert reader.orientation == Orientation(turns)
    assert studio.psnr(next(iter(reader)).image, upright) > 33
    studio.copy(source, tmp_path / "out.mp4")
    result = VideoReader(tmp_path / "out.mp4")
    assert result.orientation == Orientation()
    assert studio.psnr(next(iter(result)).image, upright) > 33


def test_ten_bit_sideways_video_keeps_its_depth(studio, tmp_path):
    source = studio.make("in.mov", codec="libx265", pixels="yuv420p10le", rotation=90)
    studio.copy(source, tmp_path / "out.mp4")
    stored = first_stored(tmp_path / "out.mp4")
    assert (stored.format.name, stored.width, stored.height) == ("yuv420p10le", 64, 96)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), Orientation(0, False)),
        ((0, -1, 1, 0), Orientation(1, False)),
        ((-1, 0, 0, -1), Orientation(2, False)),
        ((0, 1, -1, 0), Orientation(3, False)),
        ((-1, 0, 0, 1), Orientation(0, True)),
        ((1, 0, 0, -1), Orientation(2, True)),
        ((0, 1, 1, 0), Orientation(1, True)),
    ],
)
def test_display_matrix_moves_pixels_as_it_says(matrix, expected):
    a, b, c, d = matrix
    fixed = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], np.int32)
    item = type("Item", (), {"type": Type.DISPLAYMATRIX, "__bytes__": lambda _: fixed.tobytes()})()
    found = orientation_of(SimpleNamespace(side_data=[item]))
    assert found == expected
    stored = np.arange(12).reshape(3, 4)
    shown = found.apply(stored)
    moved = {(a * x + c * y, b * x + d * y): stored[y, x] for y in range(3) for x in range(4)}
    left, top = min(x for x, _ in moved), min(y for _, y in moved)
    assert all(shown[y - top, x - left] == value for (x, y), value in moved.items())


def test_only_edited_pixels_are_rewritten(studio):
    reader = VideoReader(studio.make("in.mp4"))
    frame = next(iter(reader))
    edited = frame.image.copy()
    edited[21:40, 31:60] = (250, 10, 40)
    builder = studio.builder(reader)
    painted = builder.build(replace(frame, image=edited))
    luma, *chroma = zip(planes_of(painted), planes_of(frame.decoded.frame), strict=True)
    outside = np.ones((64, 96), bool)
    outside[21:40, 31:60] = False
    assert (luma[0] == luma[1])[outside].all()
    assert not (luma[0] == luma[1])[~outside].any()
    outside_small = np.ones((32, 48), bool)
    outside_small[10:20, 15:30] = False
    for after, before in chroma:
        assert (after == before)[outside_small].all()
    red = ColorConverter().rgb(painted)[30, 45]
    assert np.abs(red.astype(int) - (250, 10, 40)).max() <= 3


def test_an_edit_reaches_the_file_and_the_rest_stays(studio, tmp_path):
    source = studio.make("in.mp4")
    with VideoReader(source) as reader, VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            image = frame.image.copy()
            image[16:48, 32:64] = 255 - image[16:48, 32:64]
            writer.write(replace(frame, image=image))
    for before, after in zip(VideoReader(source), VideoReader(tmp_path / "out.mp4"), strict=True):
        inside = studio.psnr(255 - before.image[18:46, 34:62], after.image[18:46, 34:62])
        assert inside > 28
        assert studio.psnr(before.image[:, :24], after.image[:, :24]) > 40


def test_frames_of_a_reader_cannot_be_edited_in_place(studio):
    frame = next(iter(VideoReader(studio.make("in.mp4"))))
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0] = 0


def test_interlacing_is_named(studio, tmp_path):
    source = studio.make("in.mp4", options={"x264-params": "tff=1"}, audio=())
    assert studio.copy(source, tmp_path / "out.mp4").dropped == [
        "interlacing: the two fields of a frame are written as one picture"
    ]


def test_grey_and_rgb_sources(studio, tmp_path):
    for name, codec, pixels in (("g.mkv", "ffv1", "gray"), ("r.mov", "qtrle", "rgb24")):
        milliseconds = {"time_base": Fraction(1, 1000), "pts": range(0, 400, 40)}
        source = studio.make(name, codec=codec, pixels=pixels, audio=(), **milliseconds)
        studio.copy(source, tmp_path / "out.mp4")
        pairs = zip(VideoReader(source), VideoReader(tmp_path / "out.mp4"), strict=True)
        assert min(studio.psnr(before.image, after.image) for before, after in pairs) > 38


def test_mastering_metadata_stays(studio, tmp_path):
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    told = f"log-level=error:hdr10=1:master-display={display}:max-cll=1000,400"
    source = studio.make(
        "in.mov",
        codec="libx265",
        pixels="yuv420p10le",
        color=(LIMITED, 9, 9, 16),
        options={"x265-params": told},
    )
    assert studio.copy(source, tmp_path / "out.mp4").dropped == []
    before, after = first_stored(source).side_data, first_stored(tmp_path / "out.mp4").side_data
    for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL):
        assert bytes(after[kind]) == bytes(before[kind])
    assert VideoReader(source).hdr.mastering_display == display
    dropped = studio.copy(source, tmp_path / "out.mp4", codec="libx264").dropped
    assert any("mastering" in reason for reason in dropped)
