"""What an edit puts into a frame, and the paste: in integers, on the mask's box only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.light import relit
from videoinv.faces.types import Alignment, Image, transform_points

_FULL = 255
Weights = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Patch:
    """frame + added · (edited − inversion) + taken · (edited · gain − frame), inside a crop.

    The pictures are as large as the crop; the maps may be smaller, as they are smooth.
    """

    edited: Image
    """[S, S, 3]"""
    inversion: Image
    """[S, S, 3]"""
    added: Weights
    """[M, M], 255 for one: where the change is added to the source."""
    taken: Weights
    """[M, M], 255 for one: where the edited picture stands in the source's place."""
    gain: NDArray[np.float32]
    """[G, G, 3]: light that the generator's pictures miss, as a factor in linear light."""


def paste(image: Image, alignment: Alignment, patch: Patch) -> Image:
    """The frame [H, W, 3] with the patch in it; outside the masks' boxes it is untouched."""
    result = image.copy()
    if (window := _window(alignment, patch.added, image.shape)) is not None:
        change = _difference(window.draw(patch.edited), window.draw(patch.inversion))
        _add(result[window.box], change, window.draw(patch.added))
    if (window := _window(alignment, patch.taken, image.shape)) is not None:
        lit = relit(window.draw(patch.edited), window.draw(patch.gain))
        change = _difference(lit, image[window.box])
        _add(result[window.box], change, window.draw(patch.taken))
    return result


@dataclass(frozen=True, eq=False)
class _Window:
    """A box of the frame, onto which maps of any size over the crop are drawn."""

    alignment: Alignment
    box: tuple[slice, slice]

    def draw(self, plane: NDArray[Any]) -> NDArray[Any]:
        """The map [M, M, ...] as it lies on the box.

        One that is much larger there is averaged first, or it would shimmer.
        """
        while len(plane) % 2 == 0 and len(plane) >= 2 * self.alignment.scale:
            plane = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        rows, columns = self.box
        matrix = self.alignment.resized(len(plane)).to_frame
        matrix = matrix - np.array([[0, 0, columns.start], [0, 0, rows.start]])
        side = (columns.stop - columns.start, rows.stop - rows.start)
        return np.asarray(cv2.warpAffine(plane, matrix, side, flags=cv2.INTER_LINEAR))


def _difference(image: Image, other: Image) -> NDArray[np.int16]:
    return np.asarray(cv2.subtract(image, other, dtype=cv2.CV_16S), dtype=np.int16)


def _add(under: Image, change: NDArray[np.int16], weights: Weights) -> None:
    """Add the change [H, W, 3], times its weights [H, W], in place; each pixel is rounded once."""
    whole = weights.astype(np.int16)
    weighted = cv2.multiply(change, cv2.merge([whole, whole, whole]), scale=1 / _FULL)
    under[:] = cv2.add(under, weighted, dtype=cv2.CV_8U)


def _window(alignment: Alignment, mask: Weights, shape: tuple[int, ...]) -> _Window | None:
    """The frame's rows and columns that the mask touches."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    # A map's pixel reaches one pixel further when it is drawn with linear interpolation.
    x, y = ((side[0] - 1, side[-1] + 1) for side in (columns, rows))
    corners = np.array([[a, b] for a in x for b in y], dtype=np.float64)
    points = transform_points(alignment.resized(len(mask)).to_frame, corners)
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    if (low >= high).any():
        return None
    rows_columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    return _Window(alignment, rows_columns)
