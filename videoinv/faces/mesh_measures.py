"""What the mesh says about the mouth, free of size and (nearly) of head rotation."""

from __future__ import annotations

import numpy as np

from videoinv.faces.align import EYES_MESH, MOUTH_MESH
from videoinv.faces.head_pose import frontal
from videoinv.faces.types import Points

# The middle of the upper lip's outer contour, and of the inner contours above and below.
_UPPER_LIP = 0
_INNER_LIPS = ((82, 13, 312), (87, 14, 317))


def mouth_open(mesh: Points) -> float:
    """The gap between the inner lips over the distance of the eyes: 0 shut, about 0.7 wide."""
    gaps = [_distance(mesh, upper, lower) for upper, lower in zip(*_INNER_LIPS, strict=True)]
    return float(np.mean(gaps)) / _between_eyes(mesh)


def mouth_smile(mesh: Points) -> float:
    """How wide the mouth is and how high its corners are, over the distance of the eyes.

    The corners' height counts twice, and from the upper lip: on a frontal head that lip hardly
    moves when the mouth opens, so that speech does not pass for a smile. About 0.65 for a neutral
    face, 0.8 for a broad smile.
    """
    face = frontal(mesh)
    left, right = face[list(MOUTH_MESH)]
    lift = face[_UPPER_LIP, 1] - (left[1] + right[1]) / 2
    return float(np.linalg.norm(right - left) + 2 * lift) / _between_eyes(mesh)


def _between_eyes(mesh: Points) -> float:
    left, right = (mesh[list(eye)].mean(axis=0) for eye in EYES_MESH)
    return float(np.linalg.norm(right - left))


def _distance(mesh: Points, a: int, b: int) -> float:
    return float(np.linalg.norm(mesh[a] - mesh[b]))
