"""Where frames come from: what a reader must know of it, and the video file that tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipelines.media.decoding import Decoding
from pipelines.media.opening import open_video, video_stream
from pipelines.media.tags import own_tags_removed
from videoinv.errors import MediaError

# MPEG transport and program streams, as libav calls them.
_BROADCAST = {"mpegts", "mpeg"}


@dataclass(frozen=True, eq=False)
class Description:
    """What is known of a film before it is decoded as a whole."""

    first: av.VideoFrame
    """Its first frame, by which size, format and colours are judged."""
    time_base: Fraction
    """Seconds per unit of a frame's time."""
    rate: Fraction | None
    """Mean frames per second."""
    duration: Fraction | None
    """Seconds."""
    frame_count: int | None
    pixel_aspect: Fraction | None = None
    """Width over height of a pixel as stored."""
    disposition: Disposition = field(default_factory=lambda: Disposition(0))
    tags: dict[str, str] = field(default_factory=dict)
    """Metadata of the picture's stream."""
    is_broadcast: bool = False
    """Whether the clock runs through from film to film, so that its start says nothing."""


class DecodingPass(Protocol):
    """One iteration over the frames, and what it has met so far."""

    @property
    def skipped(self) -> int:
        """Frames that could not be read or decoded."""

    @property
    def truncated(self) -> bool:
        """Whether the film breaks off before its announced end."""

    def __iter__(self) -> Iterator[av.VideoFrame]: ...


class Film(Protocol):
    """A source of frames that can be decoded again and again."""

    def describe(self) -> Description:
        """What is known of it.

        Raises:
            MediaError: if no frame can be decoded.
        """

    def decoding(
        self, start: Fraction | None, size: tuple[int, int] | None
    ) -> AbstractContextManager[DecodingPass]:
        """A pass that begins at ``start`` seconds or somewhat before.

        Frames of another stored size than ``size`` (width, height) are left out and counted.
        """


@dataclass(frozen=True)
class FilmFile:
    """A video file."""

    path: Path

    def describe(self) -> Description:
        """See :class:`Film`."""
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            first = next(iter(Decoding(container, stream)), None)
            if first is None:
                raise MediaError(
                    f"{self.path}: no frame of its video ({stream.codec_context.name}) can be "
                    "decoded; re-encode it, for instance with `ffmpeg -i IN OUT.mp4`"
                )
            rate = stream.average_rate or stream.guessed_rate or None
            duration = _duration(container, stream)
            return Description(
                first,
                time_base=stream.time_base or Fraction(1, 1000),
                rate=rate,
                duration=duration,
                frame_count=stream.frames or _estimated_count(duration, rate),
                pixel_aspect=stream.sample_aspect_ratio or None,
                disposition=stream.disposition,
                tags=own_tags_removed(stream.metadata),
                is_broadcast=container.format.name in _BROADCAST,
            )

    @contextmanager
    def decoding(self, start: Fraction | None, size: tuple[int, int] | None) -> Iterator[Decoding]:
        """See :class:`Film`; it begins at the keyframe before ``start``."""
        with open_video(self.path) as container:
            stream = video_stream(container, self.path)
            if start is not None and stream.time_base:
                container.seek(int(start / stream.time_base), stream=stream)
            yield Decoding(container, stream, size)


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    if container.duration is not None:
        return Fraction(container.duration, av.time_base)
    return None


def _estimated_count(duration: Fraction | None, rate: Fraction | None) -> int | None:
    return round(duration * rate) if duration and rate else None
