"""The colour of a face's skin, which an edit of its shape should leave as it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from videoinv.faces.align import to_images

PLACES = (
    (slice(65, 95), slice(95, 160)),  # the forehead
    (slice(130, 165), slice(80, 176)),  # cheeks and nose
)
"""Rows and columns in parts of 256 of an FFHQ-aligned crop's side."""


def skin_colour(crops: Tensor) -> NDArray[np.float64]:
    """Mean CIELAB of the places where FFHQ-aligned crops show skin, [B, 3]: L*, a*, b*.

    A distance of 2.3 between two of them is just noticed (Mahy et al. 1994).

    Args:
        crops: [B, 3, S, S] in [−1, 1].
    """
    side = crops.shape[-1]
    colours = []
    for image in to_images(crops):
        lab = cv2.cvtColor((image / 255).astype(np.float32), cv2.COLOR_RGB2LAB)
        places = [lab[_scaled(rows, side), _scaled(columns, side)] for rows, columns in PLACES]
        colours.append(np.mean([place.mean(axis=(0, 1)) for place in places], axis=0))
    return np.array(colours, dtype=np.float64).reshape(-1, 3)


def _scaled(part: slice, side: int) -> slice:
    return slice(round(part.start * side / 256), round(part.stop * side / 256))
