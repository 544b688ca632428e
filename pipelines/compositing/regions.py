"""Parts of a face by name, as outlines in the 468-point mesh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import cv2
import numpy as np

from videoinv.errors import BadInputError
from videoinv.faces.mesh_parts import BROWS, EYES, FACE_OVAL, LIPS, NOSE
from videoinv.faces.types import Points

Region = Literal["mouth", "eyes", "brows", "nose", "lower-face"]

_LOWER_FACE = (98, 327, *FACE_OVAL[9:28])

_PARTS: dict[Region, tuple[tuple[int, ...], ...]] = {
    "mouth": (LIPS,),
    "eyes": EYES,
    "brows": BROWS,
    "nose": (NOSE,),
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
