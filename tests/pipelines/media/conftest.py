"""Small videos made by PyAV, one property each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.media import VideoReader, VideoWriter
from pipelines.media.encoders import choose_encoding
from pipelines.media.picture import PictureBuilder
from pipelines.media.planes import planar_format
from videoinv.checkpoints.fetch import fetch

HLG = 18
LINES = """1
00:00:00,100 --> 00:00:00,350
Hello

2
00:00:00,400 --> 00:00:00,650
Good bye
"""
Picture = NDArray[np.uint8]

_OPTIONS = {
    "libx265": {"x265-params": "log-level=error", "preset": "ultrafast"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
_CONTAINER = {
    "mp4": {"movie_timescale": "15360", "movflags": "+faststart"},
    "ts": {"avoid_negative_ts": "disabled"},
}


def picture(index: int, width: int, height: int) -> Picture:
    """Smooth colours that drift with time."""
    rows = max(2, height // 32)
    coarse = np.random.default_rng(1).integers(30, 226, (rows, width // 32 + 2, 3), np.uint8)
    wide = cv2.resize(coarse, (width + 64, height), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[:, index % 64 : index % 64 + width])


@functools.cache
def photographs() -> list[Picture]:
    """Eight pictures of a person, [360, 360, 3]."""
    frames = islice(VideoReader(fetch("clip-webcam-smile")), 8)
    return [frame.image[:, 140:500] for frame in frames]


def face_box(width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns that a person fills in the pictures of :func:`person`."""
    side = min(width, height) * 9 // 10
    top, left = (height - side) // 2, (width - side) // 3
    return slice(top, top + side), slice(left, left + side)


def person(index: int, width: int, height: int) -> Picture:
    """A real face pasted into :func:`picture`."""
    image = picture(index, width, height)
    rows, columns = face_box(width, height)
    faces = photographs()
    side = rows.stop - rows.start
    image[rows, columns] = cv2.resize(
        faces[index % len(faces)], (side, side), interpolation=cv2.INTER_AREA
    )
    return image


def hlg(image: Picture) -> NDArray[np.uint16]:
    """A photograph in 16-bit HLG, BT.2020: BT.2087's matrix, white at 203 cd/m², BT.2100."""
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    light = ((image / 255) ** 2.4) @ np.transpose(to_2020)
    scene = (0.203 * light) ** (1 / 1.2)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.rint(65535 * np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)).astype(np.uint16)


def tone(container: av.container.OutputContainer, codec: str, language: str, seconds: float):
    stream = container.add_stream(codec, rate=48000)
    stream.metadata["language"] = language
    for start in range(0, int(48000 * seconds), 960):
        samples = np.sin((start + np.arange(960)) / 20).astype(np.float32) * 0.3
        frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def make(
    path: Path,
    *,
    pts: Sequence[int] = tuple(range(0, 24 * 512, 512)),
    time_base: Fraction = Fraction(1, 15360),
    size: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    color: tuple[int, int, int, int] | None = None,
    rotation: int | None = None,
    audio: Sequence[str] = ("eng",),
    audio_codec: str = "aac",
    options: dict[str, str] | None = None,
    chapters: bool = False,
    draw: Callable[[int, int, int], Picture] = picture,
    alpha: bool = False,
    timecode: str | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Write a video; ``color`` is (range, matrix, primaries, transfer) by H.273's numbers."""
    clock = _CONTAINER.get(path.suffix[1:], {})
    with av.open(str(path), "w", container_options=clock) as container:
        chosen = _OPTIONS.get(codec, {}) | (options or {})
        stream = container.add_stream(codec, rate=30, options=chosen)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = time_base
        if color:
            context = stream.codec_context
            context.color_range, context.colorspace = color[:2]
            context.color_primaries, context.color_trc = color[2:]
        if timecode is not None:
            stream.metadata["timecode"] = timecode
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            stream.set_display_rotation(rotation)
        container.metadata.update(title="A title", comment="Mine.")
        if chapters:
            times = [("one", 0, 300), ("two", 300, 700)]
            container.set_chapters(
                [
                    {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000)}
                    | {"metadata": {"title": title}}
                    for number, (title, start, end) in enumerate(times)
                ]
            )
        seconds = float((pts[-1] - pts[0]) * time_base)
        tones = [tone(container, audio_codec, language, seconds) for language in audio]
        sound = [packet for packets in tones for packet in packets]
        for index, ticks in enumerate(pts):
            frame = _drawn(draw(index, *size), color, alpha)
            frame = frame.reformat(format=pixels, **_destination(color))
            frame.pts, frame.time_base = ticks, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        container.mux(sound)
    return path


def _drawn(image: Picture, color: tuple[int, int, int, int] | None, alpha: bool) -> av.VideoFrame:
    """A picture as it goes into a video; with ``alpha`` it is the clearer the further right."""
    if alpha:
        clear = np.broadcast_to(np.linspace(255, 0, image.shape[1]), image.shape[:2])
        return av.VideoFrame.from_ndarray(np.dstack([image, clear.astype(np.uint8)]), "rgba")
    if color and color[3] == HLG:
        return av.VideoFrame.from_ndarray(hlg(image), "rgb48le")
    return av.VideoFrame.from_ndarray(image, "rgb24")


def _destination(color: tuple[int, int, int, int] | None) -> dict[str, int]:
    if color is None:
        return {}
    swscale = {1: 1, 5: 5, 6: 5, 9: 9}[color[1]]
    return {"dst_colorspace": swscale, "src_color_range": 2, "dst_color_range": color[0]}


def subtitles(path, source):
    """A copy of a Matroska file with a subtitle track of two lines beside its own streams."""
    lines = path.with_suffix(".srt")
    lines.write_text(LINES)
    with (
        av.open(str(source)) as film,
        av.open(str(lines)) as texts,
        av.open(str(path), "w") as container,
    ):
        streams = [*film.streams, *texts.streams]
        copies = [container.add_stream_from_template(stream, opaque=True) for stream in streams]
        for given, offset in ((texts, len(film.streams)), (film, 0)):
            for packet in given.demux():
                if packet.size:
                    packet.stream = copies[offset + packet.stream_index]
                    container.mux(packet)
    return path


def languages(path):
    with av.open(str(path)) as container:
        return [(stream.type, stream.metadata.get("language")) for stream in container.streams]


def damage_a_packet(path):
    """Overwrite a packet in the middle of the picture with noise; returns its time."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        chosen = packets[len(packets) // 2]
        position, size, time = chosen.pos, chosen.size, chosen.pts * chosen.time_base
    noise = np.random.default_rng(0).bytes(size - 4)
    with path.open("r+b") as file:
        file.seek(position + 4)
        file.write(noise)
    return time


def copy(source: Path, target: Path, **settings: object) -> VideoWriter:
    """Every frame as it is, through reader and writer."""
    with VideoReader(source) as reader, VideoWriter(target, reader, **settings) as writer:
        for frame in reader:
            writer.write(frame)
    return writer


def psnr(first: Picture, second: Picture) -> float:
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


class Studio:
    """Makes, copies and compares videos in one folder."""

    psnr = staticmethod(psnr)
    picture = staticmethod(picture)
    person = staticmethod(person)
    face_box = staticmethod(face_box)
    copy = staticmethod(copy)
    languages = staticmethod(languages)
    damage_a_packet = staticmethod(damage_a_packet)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, **properties: object) -> Path:
        return make(self.folder / name, **properties)

    @staticmethod
    def builder(reader: VideoReader) -> PictureBuilder:
        """What makes an MP4's pictures from the frames of a film, by default."""
        made = planar_format(av.VideoFormat(reader.pixel_format))
        encoding = choose_encoding("mp4", made, reader.size, codec=None, crf=None, preset=None)
        return PictureBuilder(reader.orientation, reader.size, reader.color, encoding)

    def with_subtitles(self, source: Path, name: str) -> Path:
        return subtitles(self.folder / name, source)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)
