"""Films that are folders of pictures: a folder, ``shot_%04d.png`` or ``shot_*.png``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from pipelines.media.film import Description
from pipelines.media.naming import NUMBER
from pipelines.media.opening import open_video
from videoinv.errors import BadInputError, MediaError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Suffixes of the pictures that are read."""
DEFAULT_RATE = Fraction(25)
"""Pictures per second if nobody says otherwise; libav's own default."""


def is_sequence(path: Path) -> bool:
    """Whether a path names a film of pictures: a folder that holds some, or a pattern of names."""
    if path.is_dir():
        return any(_is_picture(entry) for entry in path.iterdir())
    return not path.exists() and _pattern(path) is not None


def pictures_of(path: Path) -> tuple[Path, ...]:
    """The pictures of such a film in their order; none if the path names no such film."""
    if not is_sequence(path):
        return ()
    folder, names = (path, None) if path.is_dir() else (path.parent, _pattern(path))
    entries = folder.iterdir() if folder.is_dir() else ()
    found = [
        entry
        for entry in entries
        if _is_picture(entry) and (names is None or names.fullmatch(entry.name))
    ]
    return tuple(sorted(found, key=_natural))


@dataclass(frozen=True)
class ImageSequence:
    """Pictures in the order of their names, numbers counted as numbers, at a constant rate.

    Args:
        paths: one picture each; a number that is missing in between leaves no gap in time.
        rate: pictures per second.

    Raises:
        BadInputError: if the rate is not above zero.
    """

    paths: tuple[Path, ...]
    rate: Fraction

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise BadInputError(f"rate {self.rate}: must be above zero pictures per second")

    @classmethod
    def find(cls, path: Path, rate: Fraction) -> ImageSequence:
        """The sequence that a folder or a pattern names.

        Raises:
            MediaError: if there is no such picture.
        """
        found = pictures_of(path)
        if not found:
            raise MediaError(
                f"{path}: no pictures there; a film of pictures is a folder of them or a pattern "
                f"such as shot_%04d.png or shot_*.png ({', '.join(IMAGE_SUFFIXES)})"
            )
        return cls(found, rate)

    def describe(self) -> Description:
        """See :class:`pipelines.media.film.Film`."""
        first = next(iter(ImageDecoding(self.paths, 0, None)), None)
        if first is None:
            raise MediaError(
                f"{self.paths[0]}: none of the {len(self.paths)} pictures from this one on can be "
                "read; save them again as PNG"
            )
        count = len(self.paths)
        return Description(first, 1 / self.rate, self.rate, count / self.rate, count)

    @contextmanager
    def decoding(
        self, start: Fraction | None, size: tuple[int, int] | None
    ) -> Iterator[ImageDecoding]:
        """See :class:`pipelines.media.film.Film`."""
        first = 0 if start is None else int(start * self.rate)
        yield ImageDecoding(self.paths, max(0, first), size)


class ImageDecoding:
    """Iterating it decodes the pictures one by one; a frame's time is its place in the order.

    A picture that cannot be read, or has another size, costs itself only and is counted.
    """

    truncated = False
    """Nothing announces the end of a sequence, so it never ends early."""

    def __init__(self, paths: tuple[Path, ...], first: int, size: tuple[int, int] | None) -> None:
        self.skipped = 0
        self._paths, self._first, self._size = paths, first, size

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for index, path in enumerate(self._paths[self._first :], self._first):
            frame = _decode(path)
            if frame is None or self._size not in {None, (frame.width, frame.height)}:
                self.skipped += 1
                continue
            frame.pts, frame.duration = index, 1
            yield frame


def _decode(path: Path) -> av.VideoFrame | None:
    try:
        with open_video(path) as container:
            return next(container.decode(video=0), None)
    except (av.FFmpegError, MediaError, IndexError):
        return None


def _pattern(path: Path) -> re.Pattern[str] | None:
    """What the names look like, if the last part of a path is a pattern."""
    if path.suffix.lower() not in {*IMAGE_SUFFIXES, ".*"}:
        return None
    number = NUMBER.search(path.name)
    if number:
        digits = rf"\d{{{int(number[1])},}}" if number[1] else r"\d+"
        before, after = path.name[: number.start()], path.name[number.end() :]
        return re.compile(re.escape(before) + digits + re.escape(after))
    if any(sign in path.name for sign in "*?["):
        return re.compile(fnmatch.translate(path.name))
    return None


def _is_picture(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts ``9`` before ``10``."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
