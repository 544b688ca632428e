"""Videos in: frames with exact times, one after another, upright."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.stream import Disposition

from pipelines.media.color import Color, ColorConverter, color_of
from pipelines.media.film import DecodingPass, Description, Film, FilmFile
from pipelines.media.frame import Decoded, Frame
from pipelines.media.hdr import Hdr, hdr_of
from pipelines.media.orientation import Orientation, orientation_of
from pipelines.media.sequences import DEFAULT_RATE, ImageSequence, is_sequence
from pipelines.media.side_data import unwritten
from pipelines.media.tone import view_of
from videoinv.errors import BadInputError


class VideoReader:
    """A video; iterating it decodes it from its start, one frame in memory at a time.

    Frames come in display order, turned and mirrored as the file's display matrix asks, so a
    sideways phone video is upright. Each iteration opens it for itself.

    A packet that cannot be decoded costs its own frames only, and a file that breaks off ends
    there; both are counted (``skipped``, ``truncated``), neither is an error.

    Args:
        path: a video file, or the pictures of a film: a folder of them, ``shot_%04d.png`` or
            ``shot_*.png``.
        rate: pictures per second of an image sequence, 25 if not given; a file has its own times.

    Raises:
        MediaError: if ``path`` is no video with at least one frame that can be decoded.
        BadInputError: if a rate is given for a file, or is not above zero.
    """

    def __init__(self, path: str | Path, *, rate: Fraction | None = None) -> None:
        self.path = Path(path)
        self._closed = False
        self._pass: DecodingPass | None = None
        self._film = _film(self.path, rate)
        self._describe(self._film.describe())

    def _describe(self, film: Description) -> None:
        self.orientation: Orientation = orientation_of(film.first)
        self.color: Color = color_of(film.first)
        self.hdr: Hdr = hdr_of(film.first)
        self.pixel_format: str = film.first.format.name
        self._stored_size = (film.first.width, film.first.height)
        self.width, self.height = self.orientation.size(*self._stored_size)
        self.time_base: Fraction = film.time_base
        self.rate: Fraction | None = film.rate
        self.duration: Fraction | None = film.duration
        self.frame_count: int | None = film.frame_count
        aspect = film.pixel_aspect
        self.pixel_aspect: Fraction | None = (
            1 / aspect if aspect and self.orientation.swaps_sides else aspect
        )
        self.unwritten: list[str] = unwritten(film.first)
        self.disposition: Disposition = film.disposition
        self.tags: dict[str, str] = film.tags
        self.is_broadcast: bool = film.is_broadcast

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files of an image sequence, in order; empty for a video file."""
        return self._film.paths if isinstance(self._film, ImageSequence) else ()

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
        with self._film.decoding(start, self._stored_size) as self._pass:
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


def _film(path: Path, rate: Fraction | None) -> Film:
    if is_sequence(path):
        return ImageSequence.find(path, DEFAULT_RATE if rate is None else rate)
    if rate is not None:
        raise BadInputError(
            f"rate {rate}: {path} is no image sequence and has its own times; leave the rate out"
        )
    return FilmFile(path)


def _next_pts(frame: av.VideoFrame, last: int | None, step: int) -> int:
    """The frame's own time; where the file has none or repeats one, the next that is free."""
    pts = frame.pts if frame.pts is not None else frame.dts
    if pts is None:
        return 0 if last is None else last + step
    return pts if last is None or pts > last else last + 1
