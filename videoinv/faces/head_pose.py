"""The head's rotation, from the parts of the mesh that the face's muscles do not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videoinv.faces.types import Points

# x (right in the image), y (down) and z (away from the camera) of rigid vertices on a frontal
# head, in units of their root-mean-square distance from their mean: the generalised Procrustes
# mean of 400 meshes fitted to FFHQ-framed faces, made symmetric. Its zero of pitch is their mean.
_ON_THE_MIDLINE = {
    10: (0.000, -0.727, -0.403),
    151: (0.000, -0.471, -0.446),
    9: (0.000, -0.203, -0.473),
    168: (0.000, 0.052, -0.434),
    6: (0.000, 0.178, -0.500),
    197: (0.000, 0.293, -0.577),
    195: (0.000, 0.398, -0.661),
    4: (0.000, 0.649, -0.782),
}
# The vertex that is left in the image, its mirror image, and the place of the latter.
_MIRRORED = {
    (109, 338): (0.309, -0.718, -0.375),
    (103, 332): (0.810, -0.575, -0.078),
    (21, 251): (1.065, -0.253, 0.348),
    (127, 356): (1.125, 0.173, 0.753),
    (234, 454): (1.110, 0.396, 0.842),
    (93, 323): (1.095, 0.623, 0.864),
    (33, 263): (0.737, 0.122, -0.062),
    (133, 362): (0.282, 0.148, -0.153),
}
_RIGID_VERTICES = (
    *_ON_THE_MIDLINE,
    *(left for left, _ in _MIRRORED),
    *(right for _, right in _MIRRORED),
)
_FRONTAL_HEAD = np.array(
    [
        *_ON_THE_MIDLINE.values(),
        *((-x, y, z) for x, y, z in _MIRRORED.values()),
        *_MIRRORED.values(),
    ]
)


@dataclass(frozen=True)
class HeadPose:
    """Angles in degrees; all 0 for an upright frontal face."""

    yaw: float
    """Positive when the nose points to the right side of the image."""
    pitch: float
    """Positive when the face looks up."""
    roll: float
    """Positive when the head leans clockwise on the screen."""


def head_rotation(mesh: Points) -> Points:
    """The rotation [3, 3] that takes a frontal head to the mesh [468, 3].

    Least squares over the rigid vertices (Kabsch, "A solution for the best rotation to relate two
    sets of vectors", 1976).
    """
    points = mesh[list(_RIGID_VERTICES)]
    covariance = (points - points.mean(axis=0)).T @ (_FRONTAL_HEAD - _FRONTAL_HEAD.mean(axis=0))
    u, _, vt = np.linalg.svd(covariance)
    handedness = np.sign(np.linalg.det(u @ vt))
    return np.asarray(u @ np.diag([1.0, 1.0, handedness]) @ vt)


def head_pose(mesh: Points) -> HeadPose:
    """Yaw, pitch and roll of a mesh [468, 3]."""
    rotation = head_rotation(mesh)
    forward = -rotation[:, 2]
    yaw = np.arctan2(forward[0], -forward[2])
    pitch = np.arctan2(-forward[1], np.hypot(forward[0], forward[2]))
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return HeadPose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))


def frontal(mesh: Points) -> Points:
    """The mesh [468, 3] turned to an upright frontal head, about its mean; its size stays."""
    return np.asarray((mesh - mesh.mean(axis=0)) @ head_rotation(mesh))
