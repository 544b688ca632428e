"""Names of the pictures of a film that is written as pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.media.encoders import CONTAINERS
from videoinv.errors import BadInputError

WRITTEN_SUFFIXES = (".png", ".jpg", ".jpeg")
"""Suffixes of the pictures that are written."""
NUMBER = re.compile(r"%(0\d+)?d")
"""A number in a pattern, as C's printf writes it."""

_DEFAULT = "%06d"


@dataclass(frozen=True)
class Naming:
    """Where the pictures go and what they are called."""

    folder: Path
    pattern: str
    """With ``%06d`` for a number, the first is 0, or ``*`` for the source picture's own name."""

    def name(self, index: int, source: Path | None) -> str:
        """The name of the picture with this number, edited from ``source`` if that is a picture."""
        number = NUMBER.search(self.pattern)
        if number:
            return self.pattern.replace(number[0], number[0] % index, 1)
        return self.pattern.replace("*", source.stem if source else _DEFAULT % index, 1)

    def matches(self, name: str) -> bool:
        """Whether an existing file has a name that one of the pictures could get.

        Upper and lower case are one, as on the disks of Windows and macOS: what is refused too
        often can be moved, what is overwritten is gone.
        """
        number, name = NUMBER.search(self.pattern), name.lower()
        before, after = self.pattern.lower().split(number[0] if number else "*", 1)
        return len(name) > len(before + after) and name.startswith(before) and name.endswith(after)


def naming_of(output: Path, pictures: tuple[Path, ...]) -> Naming | None:
    """How an output's path asks for pictures; ``None`` if it asks for a video file.

    Args:
        output: a folder (one that exists, or a name without a suffix) or a pattern of names.
        pictures: the source's, if it is a film of pictures; they may keep their names.

    Raises:
        BadInputError: if it names one picture, or a folder for a film that is no pictures.
    """
    suffix = output.suffix.lower()
    if not suffix or (output.is_dir() and suffix not in CONTAINERS):
        if not pictures:
            raise BadInputError(
                f"output {output}: name a file ({', '.join(CONTAINERS)}), a folder by a slash at "
                f"its end, or for pictures a pattern such as {output / '%06d.png'}"
            )
        own = pictures[0].suffix.lower()
        suffix = own if own in WRITTEN_SUFFIXES else ".png"
        return Naming(output, _star(pictures) + suffix)
    if suffix not in WRITTEN_SUFFIXES:
        return None
    if NUMBER.search(output.name):
        return Naming(output.parent, output.name)
    if "*" in output.name:
        return Naming(output.parent, output.name.replace("*", _star(pictures), 1))
    raise BadInputError(
        f"output {output}: one picture cannot hold a film; name a pattern such as "
        f"{output.stem}_%06d{output.suffix}, or for photographs take 'videoinv invert'"
    )


def _star(pictures: tuple[Path, ...]) -> str:
    """``*`` if every picture has a name of its own to keep."""
    stems = {picture.stem for picture in pictures}
    return "*" if pictures and len(stems) == len(pictures) else _DEFAULT
