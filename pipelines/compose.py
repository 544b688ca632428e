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

LARGE_CHANGE = 12.0
"""Change in 8-bit levels at which source and edited picture share a pixel equally."""
BLUR, SPREAD = 0.012, 0.06
"""Widths, in parts of the crop's side, over which the change is judged and light is carried."""

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
    """[S, S]: how much of the frame it takes away; none where the colour is only added."""


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


def make_patch(rendered: Rendered, source: Image, blend: Blend, settings: MaskSettings) -> Patch:
    """What an edit puts into the frame.

    ``residual`` adds the change, edited − inversion, to the source, whose skin, grain and light
    so survive: what the inversion cannot make is in both terms and cancels. Where the change is
    large (an opening mouth) there is nothing of the source to keep, and adding would show both
    pictures at once; there the edited picture takes over, in the light of its surroundings.
    ``replace`` takes the edited picture everywhere.

    Args:
        rendered: the crop as the generator makes it, without and with the edit.
        source: the crop of the frame, [S, S, 3].
        blend: which of the two.
        settings: the mask's shape.
    """
    placed = rendered.inverted.placed
    assert placed.face.mesh is not None  # located faces have one
    mask = face_mask(placed.face.mesh, placed.alignment, settings)[:, :, None]
    edited = _levels(rendered.edited)
    if blend == "replace":
        return Patch(edited * mask, mask[:, :, 0])
    inversion = _levels(rendered.inversion)
    missing = source.astype(np.float32) - inversion
    kept = _kept(edited - inversion)
    light = _spread(missing, kept)
    taken = (1 - kept) * mask
    colour = taken * (edited + light) + kept * mask * (edited - inversion)
    return Patch(colour, taken[:, :, 0])


def _kept(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the source stays under a change in levels [S, S, 3]: [S, S, 1] in [0, 1]."""
    sigma = BLUR * len(change)
    size = np.sqrt(cv2.GaussianBlur(np.square(change).mean(axis=2), (0, 0), sigma))
    kept = 1 / (1 + (size / LARGE_CHANGE) ** 4)
    return np.asarray(kept[:, :, None], dtype=np.float32)


def _spread(missing: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.float32]:
    """The light and colour that the inversion misses, carried from kept places into the others."""
    sigma = SPREAD * len(missing)
    weight = cv2.GaussianBlur(kept, (0, 0), sigma)[:, :, None] + 1e-3
    return np.asarray(cv2.GaussianBlur(missing * kept, (0, 0), sigma) / weight, dtype=np.float32)


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
