"""Soft masks in the aligned crop: drawn from the mesh, so that they move with the face alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.regions import Region, hull, outlines
from videoinv.faces.mesh_parts import FACE_OVAL
from videoinv.faces.types import Alignment, Points, transform_points

Plane = NDArray[np.float32]

MASK_SIZE = 256
"""Side at which masks are made, whatever the crop's: they are soft, and so cost the same."""
_GRID = 64
"""Side of the grid on which distances are computed; they are nearly linear in between."""
# The region's border, in parts of the crop's side: an opening mouth moves beyond its own outline.
_REGION_GROW, _REGION_FEATHER = 0.05, 0.05


@dataclass(frozen=True)
class MaskSettings:
    """Where an edit may show; lengths in parts of the crop's side."""

    grow: float = 0.06
    """How far beyond the mesh's outline the mask reaches; the eyes are a quarter apart."""
    feather: float = 0.06
    """Width of the soft border, inside the reach."""
    regions: tuple[Region, ...] = ()
    """Parts of the face to which the edit is limited; none for the whole."""
    follow_change: bool = True
    """Whether the mask grows with a change that leaves the face, such as that of the hair."""
    occlusions: bool = True
    """Whether what is in front of the face stays there."""


def face_mask(mesh: Points, alignment: Alignment, settings: MaskSettings) -> Plane:
    """The mask [S, S] in [0, 1] of a face, drawn from its mesh [468, 3] in the crop."""
    outline = transform_points(alignment.to_crop, hull(mesh[list(FACE_OVAL), :2]))
    drawn = _soft([outline], alignment.size, settings.grow, settings.feather)
    return np.asarray(drawn * crop_border(alignment.size, settings.feather))


def region_mask(mesh: Points, alignment: Alignment, regions: Iterable[Region]) -> Plane:
    """The mask [S, S] in [0, 1] of parts of a face, drawn from its mesh [468, 3] in the crop."""
    points = transform_points(alignment.to_crop, mesh[:, :2])
    return _soft(outlines(points, regions), alignment.size, _REGION_GROW, _REGION_FEATHER)


def crop_border(size: int, width: float) -> Plane:
    """[S, S]: falls to zero at the crop's own border, beyond which nothing is known."""
    place = (np.arange(size, dtype=np.float32) + 0.5) / size
    fall = np.clip(np.minimum(place, 1 - place) / max(width, 1 / size), 0.0, 1.0)
    return np.asarray(np.minimum(fall[:, None], fall[None, :]), dtype=np.float32)


def smoothstep(values: NDArray[np.floating], low: float, high: float) -> Plane:
    """0 up to ``low``, 1 from ``high``, and no visible edge where the rise begins and ends."""
    ramp = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), dtype=np.float32)


def blur(plane: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Gaussian blur of [S, S] or [S, S, C]; ``width`` is its sigma in parts of the side."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), width * len(plane)), dtype=np.float32)


def _soft(polygons: Iterable[Points], size: int, grow: float, feather: float) -> Plane:
    """1 inside the convex polygons and around them, falling to 0 at the distance ``grow``."""
    outside = np.min([_distance(polygon, size) for polygon in polygons], axis=0) / size
    whole = cv2.resize(outside, (size, size), interpolation=cv2.INTER_LINEAR)
    return smoothstep(-whole, -grow, -grow + max(feather, 1 / size))


def _distance(polygon: Points, size: int) -> NDArray[np.float32]:
    """Signed distance [N, N] in pixels of the crop to a convex polygon, negative inside.

    Computed and not drawn: drawn in pixels, the outline would tremble by parts of them.
    """
    place = (np.arange(_GRID) + 0.5) * size / _GRID - 0.5
    start = polygon.astype(np.float32)[:, :, None, None]
    edge = np.roll(start, -1, axis=0) - start
    x = (place[None, :] - start[:, 0]).astype(np.float32)
    y = (place[:, None] - start[:, 1]).astype(np.float32)
    length = np.maximum(np.square(edge).sum(axis=1), 1e-12)
    along = np.clip((x * edge[:, 0] + y * edge[:, 1]) / length, 0, 1)
    nearest = np.square(x - along * edge[:, 0]) + np.square(y - along * edge[:, 1])
    left = x * edge[:, 1] > y * edge[:, 0]
    inside = left.all(axis=0) | ~left.any(axis=0)
    return np.asarray(np.where(inside, -1, 1) * np.sqrt(nearest.min(axis=0)), dtype=np.float32)
