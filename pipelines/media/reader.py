"""Videos in: frames with exact times, one after another, upright."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipelines.media.color import Color, ColorConverter, color_of
from pipelines.media.frame import Decoded, Frame
from pipelines.media.orientation import Orientation, orientation_of
from pipelines.media.tags import own_tags_removed
from videoinv.errors import MediaError

# A file whose packets cannot be read any more: give up after so many failures in a row.
_READ_ATTEMPTS = 16


class VideoReader:
    """A video file; iterating it decodes it from its start, one frame in memory at a time.

    Frames come in display order, turned and mirrored as the file's display matrix asks, so a
    sideways phone video is upright. Each iteration opens the file for itself.

    A packet that cannot be decoded costs its own frames only, and a file that breaks off ends
    there; both are counted (``skipped``, ``truncated``), neither is an error.

    Raises:
        MediaError: if ``path`` is no video with at least one frame that can be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.skipped = 0
        """Packets of the latest iteration that could not be read or decoded, so far."""
        self.truncated = False
        """Whether the latest iteration ended before the end that the file announces."""
        self._closed = False
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            first = next(self._decode(container, stream), None)
            if first is None:
                raise MediaError(
                    f"{self.path}: no frame of its video ({stream.codec_context.name}) can be "
                    "decoded; re-encode it, for instance with `ffmpeg -i IN OUT.mp4`"
                )
            self._describe(container, stream, first)
        self.skipped = 0

    def _describe(
        self, container: InputContainer, stream: VideoStream, first: av.VideoFrame
    ) -> None:
        self.orientation: Orientation = orientation_of(first)
        self.color: Color = color_of(first)
        self.pixel_format: str = first.format.name
        self.width, self.height = self.orientation.size(first.width, first.height)
        self.time_base: Fraction = stream.time_base or Fraction(1, 1000)
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate or None
        self.duration: Fraction | None = _duration(container, stream)
        self.frame_count: int | None = stream.frames or _estimated_count(self.duration, self.rate)
        self.has_audio: bool = bool(container.streams.audio)
        self.pixel_aspect: Fraction | None = _pixel_aspect(stream, self.orientation)
        self.tags: dict[str, str] = own_tags_removed(stream.metadata)

    @property
    def rotation(self) -> int:
        """How far the stored pictures are turned for display: degrees clockwise, 0 to 270."""
        return self.orientation.degrees

    def frames(
        self, start: Fraction | None = None, stop: Fraction | None = None
    ) -> Iterator[Frame]:
        """The frames with start ≤ time < stop in seconds; indices count from the first of them.

        Frames of another size than the first are skipped and counted: a stream may change its
        size halfway, an output cannot.
        """
        self.skipped, self.truncated = 0, False
        converter = ColorConverter()
        index, last = 0, None
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            if start is not None:
                container.seek(int(start / self.time_base), stream=stream)
            for decoded in self._decode(container, stream):
                pts = _next_pts(decoded, last, self._ticks_per_frame)
                last = pts
                if start is not None and pts * self.time_base < start:
                    continue
                if self._closed or (stop is not None and pts * self.time_base >= stop):
                    return
                if self.orientation.size(decoded.width, decoded.height) != self.size:
                    self.skipped += 1
                    continue
                yield self._frame(decoded, pts, index, converter)
                index += 1

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as shown."""
        return self.width, self.height

    @property
    def _ticks_per_frame(self) -> int:
        return max(1, round(1 / (self.rate * self.time_base))) if self.rate else 1

    def _frame(
        self, decoded: av.VideoFrame, pts: int, index: int, converter: ColorConverter
    ) -> Frame:
        image = self.orientation.apply(converter.rgb(decoded)).copy()
        image.flags.writeable = False
        return Frame(image, pts, self.time_base, index, Decoded(decoded, image))

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Decode a stream, stepping over what cannot be read or decoded."""
        decoder = _decoder(stream)
        for packet in self._packets(container, stream):
            try:
                yield from decoder.decode(packet)
            except av.error.EOFError:
                return
            except av.FFmpegError:
                self.skipped += 1

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Any]:
        """The packets of a stream and then ``None``, which makes a decoder give what it holds."""
        failures = 0
        while failures < _READ_ATTEMPTS:
            try:
                for packet in container.demux(stream):
                    failures = 0
                    if packet.size:
                        yield packet
                break
            except av.FFmpegError:
                failures += 1
                self.skipped += 1
                self.truncated = True
        yield None

    def close(self) -> None:
        """End the iterations that are under way; the file is closed with each of them."""
        self._closed = True

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_video(path: Path) -> InputContainer:
    """Open a media file for reading.

    Raises:
        MediaError: if it is missing, a folder, or no media file.
    """
    if not path.exists():
        raise MediaError(f"{path}: no such file; give the path of a video")
    if path.is_dir():
        raise MediaError(f"{path}: a folder, not a video; give the path of one video file")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path}: not a video that can be read ({_reason(error)}); "
            "mp4, mov, mkv, webm and most other video files can"
        ) from error
    return container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture in a container; a cover picture is none.

    Raises:
        MediaError: if there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise MediaError(f"{path}: its video is in a format that has no decoder here")
            stream.thread_type = "AUTO"
            return stream
    kinds = ", ".join(sorted({stream.type for stream in container.streams}))
    raise MediaError(f"{path}: no video in this file, only {kinds or 'nothing'}; give a video")


def _decoder(stream: VideoStream) -> av.VideoCodecContext:
    """The stream's decoder; VP9 with an alpha plane needs the one that reads it."""
    if stream.metadata.get("alpha_mode") != "1" or stream.codec_context.name != "vp9":
        return stream.codec_context
    return av.CodecContext.create("libvpx-vp9", "r")


def _next_pts(frame: av.VideoFrame, last: int | None, step: int) -> int:
    """The frame's own time; where the file has none or repeats one, the next that is free."""
    pts = frame.pts if frame.pts is not None else frame.dts
    if pts is None:
        return 0 if last is None else last + step
    return pts if last is None or pts > last else last + 1


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    if container.duration is not None:
        return Fraction(container.duration, av.time_base)
    return None


def _pixel_aspect(stream: VideoStream, orientation: Orientation) -> Fraction | None:
    """Width over height of a pixel as shown, if the file says so."""
    aspect = stream.sample_aspect_ratio
    return 1 / aspect if aspect and orientation.swaps_sides else aspect or None


def _estimated_count(duration: Fraction | None, rate: Fraction | None) -> int | None:
    return round(duration * rate) if duration and rate else None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
