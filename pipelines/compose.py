"""Back into the frame: masks in the aligned crop, and the paste on the face's box only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipelines.steps import Rendered
from videoinv.faces.types import Alignment, Image, Points, transform_points

Blend = Literal["residual", "replace"]
Plane = NDArray[np.float32]

# The outline of the face in the 468-point mesh, clockwise from the middle of the forehead.
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),
    *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136),
    *(172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)


@dataclass(frozen=True)
class MaskSettings:
    """Shape of the mask, in parts of the crop's side (the eyes are about a quarter apart)."""

    grow: float = 0.06
    """How far beyond the mesh's outline the mask reaches."""
    feather: float = 0.06
    """Width of the soft border, inside the reach."""


@dataclass(frozen=True)
class Patch:
    """What to add to the frame inside a crop: frame · (1 − alpha) + colour."""

    colour: NDArray[np.float32]
    """[S, S, 3] in 8-bit levels, already weighted by the mask."""
    alpha: Plane
    """[S, S]; zero where the colour is a difference to be added."""


def face_mask(mesh: Points, alignment: Alignment, settings: MaskSettings) -> Plane:
    """The soft mask [S, S] in [0, 1] of a face, drawn from its mesh [468, 3] in the crop.

    Drawn in the crop and not in the frame, so that it moves with the alignment and with nothing
    else.
    """
    size = alignment.size
    outline = transform_points(alignment.to_crop, mesh[list(FACE_OVAL), :2])
    hard = np.zeros((size, size), np.uint8)
    # Sixteenths of a pixel: a mask snapped to whole pixels would tremble.
    cv2.fillPoly(hard, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    outside = cv2.distanceTransform(255 - hard, cv2.DIST_L2, 5) / size
    width = max(settings.feather, 1 / size)
    ramp = np.clip((settings.grow - outside) / width, 0.0, 1.0)
    smooth = ramp * ramp * (3 - 2 * ramp)  # no visible edge where the ramp begins and ends
    return np.asarray(smooth, dtype=np.float32) * _crop_border(size, width)


def _crop_border(size: int, width: float) -> Plane:
    """Falls to zero at the crop's own border, beyond which nothing is known."""
    place = (np.arange(size, dtype=np.float32) + 0.5) / size
    fall = np.clip(np.minimum(place, 1 - place) / width, 0.0, 1.0)
    return np.asarray(np.minimum(fall[:, None], fall[None, :]), dtype=np.float32)


def make_patch(rendered: Rendered, blend: Blend, settings: MaskSettings) -> Patch:
    """The masked difference (``residual``) or the masked picture (``replace``) of an edit.

    The residual keeps the source's skin, grain and light, because what the inversion cannot
    make is in both of its terms and cancels.
    """
    placed = rendered.inverted.placed
    assert placed.face.mesh is not None  # located faces have one
    mask = face_mask(placed.face.mesh, placed.alignment, settings)
    edited = _levels(rendered.edited)
    if blend == "replace":
        return Patch(edited * mask[:, :, None], mask)
    change = edited - _levels(rendered.inversion)
    return Patch(change * mask[:, :, None], np.zeros_like(mask))


def _levels(image: Tensor) -> NDArray[np.float32]:
    """[3, S, S] in [−1, 1] → [S, S, 3] in 8-bit levels, not rounded."""
    tensor = image.detach().float().clamp(-1, 1)
    return np.ascontiguousarray(((tensor + 1) * 127.5).permute(1, 2, 0).cpu().numpy())


def paste(image: Image, alignment: Alignment, patch: Patch) -> Image:
    """The frame [H, W, 3] with the patch in it; pixels outside the quad's box are the source's."""
    box = _box(alignment, image.shape)
    if box is None:
        return image
    rows, columns = box
    matrix = alignment.to_frame - np.array([[0, 0, columns.start], [0, 0, rows.start]])
    side = (columns.stop - columns.start, rows.stop - rows.start)
    colour = cv2.warpAffine(patch.colour, matrix, side, flags=cv2.INTER_LINEAR)
    result = image.copy()
    under = result[rows, columns].astype(np.float32)
    if patch.alpha.any():
        alpha = cv2.warpAffine(patch.alpha, matrix, side, flags=cv2.INTER_LINEAR)
        under *= 1 - alpha[:, :, None]
    result[rows, columns] = np.clip(np.rint(under + colour), 0, 255).astype(np.uint8)
    return result


def _box(alignment: Alignment, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """The frame's rows and columns that the quad touches."""
    low = np.floor(alignment.quad.min(axis=0)).astype(int)
    high = np.ceil(alignment.quad.max(axis=0)).astype(int) + 1
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (shape[1], shape[0]))
    if left >= right or top >= bottom:
        return None
    return slice(int(top), int(bottom)), slice(int(left), int(right))
