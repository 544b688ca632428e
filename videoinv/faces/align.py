"""FFHQ alignment: landmarks → quad → crop.

The formula is the one by which FFHQ was made (Karras et al., "A Style-Based Generator
Architecture for Generative Adversarial Networks", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np
import torch
from torch import Tensor

from videoinv.errors import BadInputError
from videoinv.faces.types import Alignment, Image, Points

# The six contour points of each eye and the mouth corners in the 68-point (iBUG) order ...
EYES_68 = (range(36, 42), range(42, 48))
MOUTH_68 = (48, 54)
# ... and the mesh vertices at the same places, the eye that is left in the image first.
EYES_MESH = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
MOUTH_MESH = (61, 291)
# The mesh puts the outer ends of the eyes further out, so that their centres come out 3 % further
# apart than those of the 68 points. Moving each inwards by this part of their distance removes
# the bias of the quad's scale: fitted on 206 stills (dlib's points), checked on video clips.
_EYES_INWARDS = 0.014

_BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "black": cv2.BORDER_CONSTANT,
}


def quad_from_68(points: Points) -> Points:
    """The published FFHQ quad [4, 2] (TL, BL, BR, TR) from 68 landmarks [68, 2]."""
    left, right = (points[list(eye)].mean(axis=0) for eye in EYES_68)
    return _ffhq_quad(left, right, points[list(MOUTH_68)].mean(axis=0))


def quad_from_mesh(mesh: Points) -> Points:
    """The FFHQ quad [4, 2] (TL, BL, BR, TR) from a face mesh [468, 3] in frame pixels.

    It agrees with the one from 68 points up to their noise: `videoinv bench alignment` measures it.
    """
    left, right = (mesh[list(eye), :2].mean(axis=0) for eye in EYES_MESH)
    inwards = _EYES_INWARDS * (right - left)
    mouth = mesh[list(MOUTH_MESH), :2].mean(axis=0)
    return _ffhq_quad(left + inwards, right - inwards, mouth)


def _ffhq_quad(eye_left: Points, eye_right: Points, mouth: Points) -> Points:
    eye_avg = (eye_left + eye_right) / 2
    eye_to_eye = eye_right - eye_left
    eye_to_mouth = mouth - eye_avg
    x = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    x *= max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth)) / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    c = eye_avg + 0.1 * eye_to_mouth
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


def crop(image: Image, alignment: Alignment, border: str = "reflect") -> Image:
    """The aligned crop uint8 [size, size, 3] of an RGB frame uint8 [H, W, 3].

    A quad larger than the crop is sampled on a grid that is a whole number of times finer and
    averaged: the filter is locked to the crop, so it does not shimmer as the face moves over the
    frame's pixels. Beyond the frame the image is mirrored. The published recipe also blurs
    towards the median there; that hides mirrored hair in training photographs, but in a video
    its reach changes with every frame and the crop's border would flicker.

    Args:
        image: the frame.
        alignment: where the crop is, and its size.
        border: "reflect", "replicate" or "black".

    Raises:
        BadInputError: if the border is none of these.
    """
    if border not in _BORDERS:
        raise BadInputError(f"unknown border '{border}'; choose one of {', '.join(_BORDERS)}")
    size = alignment.size
    fine = alignment.resized(size * max(1, ceil(alignment.scale / size - 1e-6)))
    sampled = cv2.warpAffine(
        image,
        fine.to_frame,
        (fine.size, fine.size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=_BORDERS[border],
    )
    if fine.size == size:
        return np.asarray(sampled)
    return np.asarray(cv2.resize(sampled, (size, size), interpolation=cv2.INTER_AREA))


def to_tensor(crops: Sequence[Image], device: torch.device | str | None = None) -> Tensor:
    """RGB crops uint8 [S, S, 3] of one size as a float tensor [B, 3, S, S] in [−1, 1]."""
    batch = torch.from_numpy(np.stack(list(crops))).to(device)
    return batch.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def to_images(tensor: Tensor) -> list[Image]:
    """RGB images uint8 [H, W, 3] of a tensor [B, 3, H, W] in [−1, 1]; values beyond are clipped."""
    scaled = tensor.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
    return list(scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())
