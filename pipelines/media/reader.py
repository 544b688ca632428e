"""Videos in: frames with exact times, one after another, upright."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipelines.media.color import Color, ColorConverter, color_of
from pipelines.media.decoding import Decoding
from pipelines.media.frame import Decoded, Frame
from pipelines.media.hdr import Hdr, hdr_of
from pipelines.media.opening import open_video, video_stream
from pipelines.media.orientation import Orientation, orientation_of
from pipelines.media.tags import own_tags_removed
from pipelines.media.tone import view_of
from videoinv.errors import MediaError


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
        self._closed = False
        self._pass: Decoding | None = None
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            first = next(iter(Decoding(container, stream)), None)
            if first is None:
                raise MediaError(
                    f"{self.path}: no frame of its video ({stream.codec_context.name}) can be "
                    "decoded; re-encode it, for instance with `ffmpeg -i IN OUT.mp4`"
                )
            self._describe(container, stream, first)

    def _describe(
        self, container: InputContainer, stream: VideoStream, first: av.VideoFrame
    ) -> None:
        self.orientation: Orientation = orientation_of(first)
        self.color: Color = color_of(first)
        self.hdr: Hdr = hdr_of(first)
        self.pixel_format: str = first.format.name
        self._stored_size = (first.width, first.height)
        self.width, self.height = self.orientation.size(*self._stored_size)
        self.time_base: Fraction = stream.time_base or Fraction(1, 1000)
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate or None
        self.duration: Fraction | None = _duration(container, stream)
        self.frame_count: int | None = stream.frames or _estimated_count(self.duration, self.rate)
        self.has_audio: bool = bool(container.streams.audio)
        self.pixel_aspect: Fraction | None = _pixel_aspect(stream, self.orientation)
        self.disposition: Disposition = stream.disposition
        self.tags: dict[str, str] = own_tags_removed(stream.metadata)

    @property
    def rotation(self) -> int:
        """How far the stored pictures are turned for display: degrees clockwise, 0 to 270."""
        return self.orientation.degrees

    @property
    def skipped(self) -> int:
        """Packets of the latest iteration that could not be read or decoded, so far."""
        return self._pass.skipped if self._pass else 0

    @property
    def truncated(self) -> bool:
        """Whether the latest iteration found that the file breaks off before its end."""
        return self._pass is not None and self._pass.truncated

    def frames(
        self, start: Fraction | None = None, stop: Fraction | None = None
    ) -> Iterator[Frame]:
        """The frames with start ≤ time < stop in seconds; indices count from the first of them."""
        converter, view = ColorConverter(), view_of(self.color)
        for index, (pts, decoded) in enumerate(self._decode(start, stop)):
            rgb = (
                converter.rgb(decoded) if view is None else view.shown(converter.deep_rgb(decoded))
            )
            image = self.orientation.apply(rgb).copy()
            image.flags.writeable = False
            yield Frame(image, pts, self.time_base, index, Decoded(decoded, image))

    def times(self) -> Iterator[Fraction]:
        """The times in seconds of all frames: ``frame.time`` without making the pictures."""
        return (pts * self.time_base for pts, _ in self._decode(None, None))

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as shown."""
        return self.width, self.height

    @property
    def _ticks_per_frame(self) -> int:
        return max(1, round(1 / (self.rate * self.time_base))) if self.rate else 1

    def _decode(
        self, start: Fraction | None, stop: Fraction | None
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their times, which increase strictly."""
        last: int | None = None
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            if start is not None:
                container.seek(int(start / self.time_base), stream=stream)
            self._pass = Decoding(container, stream, self._stored_size)
            for decoded in self._pass:
                last = _next_pts(decoded, last, self._ticks_per_frame)
                time = last * self.time_base
                if self._closed or (stop is not None and time >= stop):
                    return
                if start is None or time >= start:
                    yield last, decoded

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
