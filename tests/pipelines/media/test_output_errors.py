"""An output that cannot be written is refused at once, and nothing half-written is left."""

import subprocess
import sys
from dataclasses import replace

import pytest

from pipelines.media import VideoReader, VideoWriter
from videoinv.errors import BadInputError, OutputError

LIMITED_DISK = """
import resource, signal, sys
from pathlib import Path
from pipelines.media import VideoReader, VideoWriter
from videoinv.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    with VideoReader(sys.argv[1]) as reader, VideoWriter(sys.argv[2], reader) as writer:
        for frame in reader:
            writer.write(frame)
except OutputError as error:
    print(error)
    sys.exit(7)
"""


@pytest.fixture
def source(studio):
    return studio.make("in.mp4")


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def enter(path, source, **settings):
    with VideoWriter(path, source, **settings):
        raise AssertionError("the writer was opened")


def test_places_that_cannot_be_written(tmp_path, source):
    with pytest.raises(OutputError, match="there is no folder"):
        enter(tmp_path / "missing" / "out.mp4", source)
    with pytest.raises(OutputError, match="there is no folder"):
        enter(source / "out.mp4", source)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="a folder has that name"):
        enter(tmp_path / "folder.mp4", source)
    assert files(tmp_path) == ["in.mp4"]


def test_a_folder_that_refuses_new_files(tmp_path, source, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(OutputError, match=r"cannot be written to \(Permission denied\)"):
        enter(tmp_path / "out.mp4", source)
    assert files(tmp_path) == ["in.mp4"]


def test_a_full_disk(studio, tmp_path):
    source = studio.make("long.mp4", size=(320, 240), pts=range(0, 90 * 512, 512))
    run = subprocess.run(
        [sys.executable, "-c", LIMITED_DISK, str(source), str(tmp_path / "out.mp4")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 7, run.stderr
    assert "could not be written (File too large); nothing was left behind" in run.stdout
    assert files(tmp_path) == ["long.mp4"]


def test_the_input_is_never_overwritten(tmp_path, source):
    (tmp_path / "link.mp4").symlink_to(source)
    for name in ("in.mp4", "link.mp4"):
        with pytest.raises(BadInputError, match="the input itself"):
            VideoWriter(tmp_path / name, source)


@pytest.mark.parametrize("name", ["out.avi", "out.mp5"])
def test_unknown_suffixes(tmp_path, source, name):
    with pytest.raises(BadInputError, match=r"use one of \.mp4"):
        VideoWriter(tmp_path / name, source)


@pytest.mark.parametrize("codec", ["h265", "aac", "nonsense"])
def test_unknown_codecs(tmp_path, source, codec):
    with pytest.raises(BadInputError, match="common ones are libx264"):
        VideoWriter(tmp_path / "out.mp4", source, codec=codec)


@pytest.mark.parametrize(
    ("codec", "settings"), [("libx264", {"preset": "warp"}), ("libvpx-vp9", {"preset": "99"})]
)
def test_settings_that_the_encoder_refuses(tmp_path, source, codec, settings):
    with pytest.raises(BadInputError, match="does not work here"):
        enter(tmp_path / "out.mp4", source, codec=codec, **settings)
    assert files(tmp_path) == ["in.mp4"]


@pytest.mark.parametrize(("codec", "worst"), [(None, 51), ("libx265", 51), ("libvpx-vp9", 63)])
def test_a_quality_off_the_encoders_scale(tmp_path, source, codec, worst):
    for crf in (-1, worst + 1):
        with pytest.raises(BadInputError, match=f"allows 0 to {worst}"):
            VideoWriter(tmp_path / "out.mp4", source, codec=codec, crf=crf)


def test_an_error_in_the_middle_leaves_the_old_file(tmp_path, source):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), VideoWriter(target, source) as writer:
        writer.write(next(iter(VideoReader(source))))
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert files(tmp_path) == ["in.mp4", "out.mp4"]


def test_the_file_appears_only_when_complete(tmp_path, source):
    target = tmp_path / "out.mp4"
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        for frame in reader:
            writer.write(frame)
            assert not target.exists()
    assert files(tmp_path) == ["in.mp4", "out.mp4"]


def test_no_frame_is_no_video(tmp_path, source):
    with pytest.raises(OutputError, match="no frame"), VideoWriter(tmp_path / "out.mp4", source):
        pass
    assert files(tmp_path) == ["in.mp4"]


def test_wrong_frames_are_refused(tmp_path, source):
    first = next(iter(VideoReader(source)))
    late = pytest.raises(ValueError, match="does not come after")
    with late, VideoWriter(tmp_path / "out.mp4", source) as writer:
        writer.write(first)
        writer.write(first)
    small = pytest.raises(ValueError, match="must be uint8")
    with small, VideoWriter(tmp_path / "out.mp4", source) as writer:
        writer.write(replace(first, image=first.image[:-2]))
    assert files(tmp_path) == ["in.mp4"]


@pytest.mark.parametrize(
    ("name", "codec", "able"),
    [("out.webm", "libx264", "libvpx-vp9, libsvtav1"), ("out.mp4", "prores_ks", "libx264")],
)
def test_a_codec_that_the_container_does_not_hold(tmp_path, source, name, codec, able):
    with pytest.raises(BadInputError, match=f"holds nothing that {codec} makes; .* {able}"):
        enter(tmp_path / name, source, codec=codec)
    assert files(tmp_path) == ["in.mp4"]


def test_a_setting_that_the_encoder_has_not_is_told(studio, tmp_path, source):
    writer = studio.copy(source, tmp_path / "out.mp4", codec="mpeg4", crf=3)
    assert writer.dropped == ["setting crf=3: mpeg4 has none"]
