"""Films that are pictures: folders and patterns in and out, at their own depth, exact."""

import zlib
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from pipelines.media import Provenance, VideoReader, VideoWriter
from pipelines.media.naming import naming_of
from pipelines.media.orientation import Orientation
from videoinv.errors import BadInputError, MediaError, OutputError

from ..inspection import timestamps

PROVENANCE = Provenance("videoinv", "1.2", "default", ("smile=2",))
SIZE = (96, 64)
PROFILE = b"not a real colour profile, but nobody looks inside" * 2000


def rgb(path):
    """A picture as OpenCV reads it, at its own depth, RGB(A)."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@pytest.fixture
def shoot(studio):
    """Makes a folder of pictures of a person; ``frame-9`` comes before ``frame-10``."""

    def make(name, suffix=".png", count=4, deep=False, alpha=False):
        folder = studio.folder / name
        folder.mkdir()
        noise = np.random.default_rng(0)
        for index in range(count):
            image = studio.person(index, *SIZE)[..., ::-1]
            if alpha:
                image = np.dstack([image, noise.integers(0, 255, SIZE[::-1], np.uint8)])
            if deep:
                fine = noise.integers(0, 256, image.shape, np.uint16)
                image = image.astype(np.uint16) * 256 + fine
            cv2.imwrite(str(folder / f"frame-{index + 8}{suffix}"), image)
        return folder

    return make


def edit(source, output, **settings):
    """Invert the colours of a box in every picture."""
    with (
        VideoReader(source) as reader,
        VideoWriter(output, reader, provenance=PROVENANCE, **settings) as writer,
    ):
        for frame in reader:
            image = frame.image.copy()
            image[10:30, 20:50] = 255 - image[10:30, 20:50]
            writer.write(replace(frame, image=image))
    return writer


@pytest.mark.parametrize("pattern", ["", "frame-%d.png", "frame-*.png", "*.png", "frame-?*.*"])
def test_folders_and_patterns_are_films_in_natural_order(shoot, studio, pattern):
    reader = VideoReader(shoot("in") / pattern, rate=Fraction(24))
    assert (reader.size, reader.rate, reader.frame_count) == (SIZE, 24, 4)
    assert reader.duration == Fraction(1, 6)
    frames = list(reader)
    assert [frame.time for frame in frames] == [Fraction(index, 24) for index in range(4)]
    for index, frame in enumerate(frames):
        assert (frame.image == studio.person(index, *SIZE)).all()
    assert [path.name for path in reader.pictures[1:3]] == ["frame-9.png", "frame-10.png"]
    assert [frame.index for frame in reader.frames(frames[2].time)] == [0, 1]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_every_kind_of_picture_becomes_a_video(shoot, tmp_path, studio, suffix):
    source = shoot("in", suffix)
    writer = edit(source, tmp_path / "out.mp4")
    assert timestamps(tmp_path / "out.mp4") == [Fraction(index, 25) for index in range(4)]
    for before, after in zip(VideoReader(source), VideoReader(tmp_path / "out.mp4"), strict=True):
        assert studio.psnr(before.image[34:], after.image[34:]) > 34
    assert writer.dropped[-1] == "EXIF, texts and colour profiles, if the pictures have any"


def test_a_broken_picture_costs_itself_and_the_others_keep_their_times(shoot, tmp_path):
    source = shoot("in")
    (source / "frame-9.png").write_bytes(b"not a picture")
    cv2.imwrite(str(source / "frame-10.png"), np.zeros((10, 10, 3), np.uint8))
    reader = VideoReader(source)
    assert list(reader.times()) == [0, Fraction(3, 25)]
    assert (reader.skipped, reader.truncated) == (2, False)
    edit(source, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "frame-11.png",
        "frame-8.png",
    ]


@pytest.mark.parametrize(("deep", "alpha"), [(False, False), (True, False), (True, True)])
def test_pixels_that_nobody_edits_keep_their_exact_values(shoot, tmp_path, deep, alpha):
    source = shoot("in", deep=deep, alpha=alpha)
    writer = edit(source, tmp_path / "out")
    assert writer.dropped == [
        "EXIF and texts, if the pictures have any: only colour profiles are kept"
    ]
    for path in source.iterdir():
        before, after = rgb(path), rgb(tmp_path / "out" / path.name)
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        change = (before != after)[..., :3].any(axis=2)
        assert change[10:30, 20:50].mean() > 0.95
        change[10:30, 20:50] = False
        assert not change.any()
        if alpha:
            assert (before[..., 3] == after[..., 3]).all()
        top = 65535 if deep else 255
        asked = top - before[15, 30, :3].astype(int)
        assert np.abs(asked - after[15, 30, :3]).max() <= top / 255


def test_grey_pictures_are_not_taken_for_rgb_planes(tmp_path, studio):
    (tmp_path / "in").mkdir()
    grey = studio.person(0, *SIZE)[..., 1]
    for index in range(3):
        cv2.imwrite(str(tmp_path / "in" / f"{index}.png"), grey)
    edit(tmp_path / "in", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).colorspace == 1
    after = next(iter(VideoReader(tmp_path / "out.mp4"))).image
    assert studio.psnr(after[34:], np.repeat(grey[34:, :, None], 3, axis=2)) > 36


def exif(orientation):
    entry = b"\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0])
    content = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0\0\0\0"
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content


def profile(data):
    parts = [data[at : at + 60000] for at in range(0, len(data), 60000)]
    for number, part in enumerate(parts, 1):
        content = b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part
        yield b"\xff\xe2" + (len(content) + 2).to_bytes(2, "big") + content


def test_sideways_photographs_come_out_upright_with_their_colour_profile(tmp_path, studio):
    (tmp_path / "in").mkdir()
    jpeg = cv2.imencode(".jpg", studio.person(0, *SIZE)[..., ::-1])[1].tobytes()
    labelled = jpeg[:2] + exif(6) + b"".join(profile(PROFILE)) + jpeg[2:]
    for index in range(2):
        (tmp_path / "in" / f"{index}.jpg").write_bytes(labelled)
    reader = VideoReader(tmp_path / "in")
    assert (reader.orientation, reader.size) == (Orientation(3), SIZE[::-1])
    upright = np.rot90(studio.person(0, *SIZE), 3)
    assert studio.psnr(next(iter(reader)).image, upright) > 28
    edit(tmp_path / "in", tmp_path / "out")
    again = VideoReader(tmp_path / "out")
    assert (again.orientation, again.size) == (Orientation(), SIZE[::-1])
    data = (tmp_path / "out" / "0.jpg").read_bytes()
    assert PROFILE[:60000] in data and data.count(b"ICC_PROFILE\0") == 2


def test_a_video_becomes_pictures_and_says_what_they_lack(studio, tmp_path):
    source = studio.make("in.mp4", draw=studio.person, pts=range(0, 3 * 512, 512))
    writer = edit(source, tmp_path / "frames" / "shot_%03d.png")
    names = [f"shot_{index:03}.png" for index in range(3)]
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == names
    assert writer.dropped == [
        "times: pictures have none; there were 30 frames per second",
        "tags and chapters: pictures of a film have none",
        "audio stream 1 (aac): pictures hold none",
    ]
    frames = list(VideoReader(source))
    assert (rgb(tmp_path / "frames" / names[0])[34:] == frames[0].image[34:]).all()
    with pytest.raises(BadInputError, match=r"a folder by a slash at its end.*%06d\.png"):
        VideoWriter(tmp_path / "folder", source)


def test_hdr_goes_into_png_as_it_is_and_into_jpeg_as_a_photograph(studio, tmp_path):
    source = studio.make(
        "in.mov",
        codec="libx265",
        pixels="yuv420p10le",
        color=(1, 9, 9, 18),
        draw=studio.person,
        pts=range(0, 3 * 512, 512),
        audio=(),
    )
    edit(source, tmp_path / "out" / "%d.png")
    again = VideoReader(tmp_path / "out")
    assert (again.color.primaries, again.color.transfer) == (9, 18)
    assert again.pixel_format.startswith("rgb48")
    before, after = next(iter(VideoReader(source))), next(iter(again))
    assert np.abs(before.image[34:].astype(int) - after.image[34:]).max() <= 1
    dropped = edit(source, tmp_path / "jpegs" / "%d.jpg").dropped
    assert any("standard screens" in reason for reason in dropped)
    assert any("10 bits per sample" in reason for reason in dropped)
    shown = rgb(tmp_path / "jpegs" / "0.jpg")
    assert studio.psnr(shown[34:], before.image[34:]) > 36


def png_texts(data):
    """Keyword → text of a PNG, with every checksum verified."""
    at, texts = 8, {}
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        check = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        assert zlib.crc32(kind + content) == check
        if kind == b"iTXt":
            keyword, text = content.split(b"\0\0\0\0\0")
            texts[keyword.decode()] = text.decode()
        at += 12 + length
    return texts


def test_every_picture_says_that_it_was_edited(shoot, tmp_path):
    edit(shoot("in"), tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        texts = png_texts(path.read_bytes())
        assert texts["Software"] == "videoinv 1.2"
        assert "edited with AI" in texts["Comment"] and "smile=2" in texts["Comment"]
    edit(shoot("photos", ".jpg"), tmp_path / "jpegs")
    for path in (tmp_path / "jpegs").iterdir():
        assert b"edited with AI" in path.read_bytes() and cv2.imread(str(path)) is not None


def test_nothing_appears_before_the_end_and_nothing_is_left_after_an_error(shoot, tmp_path):
    source = shoot("in")
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out", source) as writer:
        writer.write(next(iter(VideoReader(source))))
        assert not (tmp_path / "out").exists()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def enter(output, source, **settings):
    with VideoWriter(output, source, **settings):
        raise AssertionError("the writer was opened")


def test_what_is_there_is_never_overwritten(shoot, tmp_path):
    source = shoot("in")
    edit(source, tmp_path / "out")
    with pytest.raises(OutputError, match=r"already holds frame-.*png"):
        enter(tmp_path / "out", source)
    with pytest.raises(OutputError, match="already holds"):
        enter(source / "frame-%d.png", source)
    with pytest.raises(BadInputError, match="the input itself"):
        VideoWriter(source, source)
    edit(source, tmp_path / "out" / "second_%02d.png")
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_a_pattern_goes_into_a_file_that_is_there_unless_it_is_one_of_its_pictures(shoot, tmp_path):
    pattern = shoot("in") / "frame-%d.png"
    (tmp_path / "out.mp4").write_bytes(b"of the run before")
    edit(pattern, tmp_path / "out.mp4")
    assert len(list(VideoReader(tmp_path / "out.mp4"))) == 4
    (tmp_path / "link.mp4").symlink_to(pattern.with_name("frame-9.png"))
    with pytest.raises(BadInputError, match="the input itself"):
        VideoWriter(tmp_path / "link.mp4", pattern)


def test_a_disk_on_which_case_does_not_count_overwrites_nothing_either(shoot):
    source = shoot("in")
    (source / "SHOT_0007.PNG").touch()
    with pytest.raises(OutputError, match=r"already holds SHOT_0007\.PNG"):
        enter(source / "shot_%04d.png", source)


def test_bad_requests_are_refused(shoot, tmp_path):
    source = shoot("in")
    with pytest.raises(BadInputError, match=r"one picture.*out_%06d\.png"):
        VideoWriter(tmp_path / "out.png", source)
    with pytest.raises(BadInputError, match="crf cannot be chosen"):
        VideoWriter(tmp_path / "out", source, crf=3)
    with pytest.raises(OutputError, match="cannot be a folder"):
        enter(tmp_path / "missing" / "out", source)
    with pytest.raises(BadInputError, match="above zero"):
        VideoReader(source, rate=Fraction(0))
    edit(source, tmp_path / "out.mp4")
    with pytest.raises(BadInputError, match="its own times"):
        VideoReader(tmp_path / "out.mp4", rate=Fraction(24))
    with pytest.raises(MediaError, match="no pictures there"):
        VideoReader(source / "other_%d.png")
    for path in source.iterdir():
        path.write_bytes(b"not a picture")
    with pytest.raises(MediaError, match="none of the 4 pictures"):
        VideoReader(source)


def test_pictures_with_one_stem_get_numbers(tmp_path):
    naming = naming_of(tmp_path, (tmp_path / "a.png", tmp_path / "a.jpg"))
    assert naming.name(3, tmp_path / "a.png") == "000003.png"
    assert naming.matches("000003.png") and not naming.matches("notes.txt")
