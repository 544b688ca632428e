"""Pictures on disk: RGB images uint8 [H, W, 3] in and out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from videoinv.checkpoints.cache import write_path
from videoinv.errors import BadInputError
from videoinv.faces.types import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def find_pictures(names: Sequence[str]) -> list[Path]:
    """The pictures that files, folders and patterns name, each once, in the order given.

    Raises:
        BadInputError: if one of them names no picture.
    """
    return list(dict.fromkeys(path for name in names for path in _pictures_of(name)))


def _pictures_of(name: str) -> Iterator[Path]:
    path = Path(name).expanduser()
    # A file of that very name comes first: names may hold brackets. The shell expands patterns
    # where it can; here they are for Windows and for quotes.
    candidates = [path] if path.exists() else list(path.parent.glob(path.name))
    found = False
    for candidate in sorted(candidates):
        inside = sorted(candidate.iterdir()) if candidate.is_dir() else [candidate]
        for picture in inside:
            if picture.suffix.lower() in SUFFIXES and picture.is_file():
                found = True
                yield picture
    if not found:
        what = "holds no picture" if candidates else "is not there"
        raise BadInputError(f"{name} {what}; pictures are {', '.join(SUFFIXES)}")


def read_picture(path: Path) -> Image:
    """An RGB image, turned upright as its EXIF orientation says.

    Raises:
        BadInputError: if it cannot be read or is no picture.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise BadInputError(f"{path} is no picture, or damaged")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def write_picture(path: Path, image: Image) -> None:
    """Write a JPEG if the name ends as those of JPEGs do, else a PNG; completely or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    suffix = ".jpg" if path.suffix.lower() in {".jpg", ".jpeg"} else ".png"
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done  # both take any picture
    with write_path(path, "the picture") as part:
        part.write_bytes(data.tobytes())
