"""Parts of a face by name, as outlines in the 468-point mesh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import cv2
import numpy as np

from videoinv.errors import BadInputError
from videoinv.faces.types import Points

Region = Literal["mouth", "eyes", "brows", "nose", "lower-face"]

# The outline of the face, clockwise from the middle of the forehead.
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),
    *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136),
    *(172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_LIPS = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
)
_EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
_BROWS = (
    (46, 53, 52, 65, 55, 70, 63, 105, 66, 107),
    (276, 283, 282, 295, 285, 300, 293, 334, 296, 336),
)
_NOSE = (168, 122, 351, 48, 278, 64, 294, 98, 327, 2)
_LOWER_FACE = (98, 327, *FACE_OVAL[9:28])

_PARTS: dict[Region, tuple[tuple[int, ...], ...]] = {
    "mouth": (_LIPS,),
    "eyes": _EYES,
    "brows": _BROWS,
    "nose": (_NOSE,),
    "lower-face": (_LOWER_FACE,),
}


def outlines(points: Points, regions: Iterable[Region]) -> list[Points]:
    """The convex outlines [N, 2] of the regions in a mesh [468, 2]."""
    return [hull(points[list(part)]) for region in regions for part in _PARTS[region]]


def parse_region(text: str) -> tuple[Region, ...]:
    """The regions that a command line names: one, or several with commas between.

    Raises:
        BadInputError: if one is not known.
    """
    names = [name.strip() for name in text.split(",")]
    known: dict[str, Region] = {region: region for region in get_args(Region)}
    for name in names:
        if name not in known:
            raise BadInputError(
                f"'{name}' is no region of a face; regions are {', '.join(known)}, and several "
                "are given with commas: mouth,eyes"
            )
    return tuple(known[name] for name in dict.fromkeys(names))


def hull(points: Points) -> Points:
    """The convex hull [M, 2] of points [N, 2]."""
    corners = cv2.convexHull(points.astype(np.float32))
    return np.asarray(corners[:, 0], dtype=np.float64)
