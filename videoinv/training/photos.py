"""Aligned photographs to train on: a folder, a zip archive, or anything that can be indexed."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from videoinv.errors import BadInputError
from videoinv.faces.types import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
_UNREADABLE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What a file that cannot be read raises, and a damaged or encrypted member of an archive."""


class Photographs(Sequence[Image]):
    """The images of a folder (with its subfolders) or of a zip archive, in the order of names.

    Every image is FFHQ-aligned already, comes back as uint8 [size, size, 3] RGB, and is decoded
    anew each time: an archive of any size costs no memory. Reading is safe from several threads.

    Args:
        path: the folder or the archive.
        size: side in pixels to which images are reduced by area, or enlarged.

    Raises:
        BadInputError: if there is no such place, or no image in it.
    """

    def __init__(self, path: Path, size: int = 256) -> None:
        self.path = path
        self.size = size
        self._archive = _open_archive(path)
        self.names = self._find()
        if not self.names:
            raise BadInputError(f"{path} holds no image; known are {', '.join(sorted(SUFFIXES))}")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        """One image.

        Raises:
            BadInputError: if the file is damaged.
        """
        name = self.names[index]
        image = _decoded(self._read(name))
        if image is None:
            raise BadInputError(f"{self.path}: '{name}' cannot be decoded; remove or replace it")
        return _resized(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), self.size)

    def _read(self, name: str) -> bytes:
        try:
            return self._archive.read(name) if self._archive else (self.path / name).read_bytes()
        except _UNREADABLE as error:
            raise BadInputError(
                f"{self.path}: '{name}' cannot be read ({error}); remove or replace it"
            ) from error

    def _find(self) -> list[str]:
        if self._archive is not None:
            names = self._archive.namelist()
        else:
            files = (p for p in self.path.rglob("*") if p.is_file())
            names = [p.relative_to(self.path).as_posix() for p in files]
        return sorted(filter(_names_image, names))


class Joined(Sequence[Image]):
    """Several sources as one, one after the other."""

    def __init__(self, sources: Sequence[Sequence[Image]]) -> None:
        self._sources = list(sources)
        self._ends = np.cumsum([len(source) for source in self._sources])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._sources else 0

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        """The image at this place among all."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        source = int(np.searchsorted(self._ends, index, side="right"))
        before = int(self._ends[source - 1]) if source else 0
        return self._sources[source][index - before]


def _open_archive(path: Path) -> zipfile.ZipFile | None:
    if path.is_dir():
        return None
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInputError(
            f"{path} is neither a folder nor a zip archive ({error}): give one with aligned images"
        ) from error


def _names_image(name: str) -> bool:
    """Whether a path ends like an image's; what macOS packs beside every file is none."""
    path = PurePosixPath(name)
    beside = path.name.startswith("._") or "__MACOSX" in path.parts
    return path.suffix.lower() in SUFFIXES and not beside


def _decoded(data: bytes) -> Image | None:
    """The image in a file, BGR; None if there is none."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # an empty file, or more pixels than it takes
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _resized(image: Image, size: int) -> Image:
    if image.shape[:2] == (size, size):
        return image
    how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (size, size), interpolation=how), dtype=np.uint8)
