"""What is in front of the face, as masks in the crop: hands, and what the inversion cannot make."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.masks import (
    MaskSettings,
    Plane,
    blur,
    face_mask,
    region_mask,
    smoothstep,
)
from pipelines.compositing.regions import hull
from pipelines.compositing.views import Views
from videoinv.faces.hands import FINGERS, WRIST, Hand
from videoinv.faces.types import Alignment, Points, transform_points

# Half the thickness of a finger from its root to its tip, over the length of the palm, and how
# much further the mask reaches, in parts of the crop's side, with how soft a border.
_FINGER = (0.17, 0.13, 0.12, 0.11)
_REACH, _FEATHER = 0.012, 0.012
_KNUCKLES = (1, 5, 9, 13, 17)

# The inversion's error in 8-bit levels, beyond what is usual in this face, that tells an object.
_SUSPICIOUS, _FOREIGN = 30.0, 55.0
_JUDGED = 0.02
"""Width, in parts of the crop's side, over which that error is averaged: an object's scale."""
_EXPRESSION_SHARE = 0.4
"""An error that lies by more than this part in the mouth and the eyes is one of expression."""


def hands_mask(hands: Iterable[Hand], alignment: Alignment) -> Plane:
    """Where hands are [S, S], from 0 to 1: their bones, as thick as fingers are."""
    size = alignment.size
    drawn = np.zeros((size, size), np.uint8)
    for hand in hands:
        _draw_hand(drawn, transform_points(alignment.to_crop, hand.points))
    if not drawn.any():
        return np.zeros((size, size), np.float32)
    distance = cv2.distanceTransform(255 - drawn, cv2.DIST_L2, cv2.DIST_MASK_5) / size
    return smoothstep(-distance, -_REACH - _FEATHER, -_REACH)


def _draw_hand(drawn: NDArray[np.uint8], points: Points) -> None:
    # A hand that is seen from the side keeps one of these two lengths.
    palm = max(_length(points[WRIST], points[9]), 1.2 * _length(points[5], points[17]))
    cv2.fillConvexPoly(drawn, _fixed(hull(points[[WRIST, *_KNUCKLES]])), 255, cv2.LINE_8, 4)
    for finger in FINGERS:
        joints = points[list(finger)]
        _draw_bone(drawn, points[WRIST], joints[0], _FINGER[0] * palm)
        for start, end, half in zip(joints[:-1], joints[1:], _FINGER[1:], strict=True):
            _draw_bone(drawn, start, end, half * palm)


def _draw_bone(drawn: NDArray[np.uint8], start: Points, end: Points, half: float) -> None:
    ends = _fixed(np.stack([start, end]))
    width = max(round(2 * half), 1)
    cv2.line(drawn, ends[0].tolist(), ends[1].tolist(), 255, width, cv2.LINE_8, 4)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Sixteenths of a pixel, as OpenCV draws them."""
    return np.rint(points * 16).astype(np.int32)


def _length(start: Points, end: Points) -> float:
    return float(np.hypot(*(end - start)))


def unexplained(views: Views) -> Plane:
    """Where something in front of the face is that the inversion cannot make: [S, S].

    An object differs in colour over an area; skin texture, grain and a small shift of a contour
    do not survive the blur. A mouth or an eye that the inversion gets wrong is no object: an area
    that mostly lies there is left out.
    """
    face = face_mask(views.mesh, views.alignment, MaskSettings())
    expression = region_mask(views.mesh, views.alignment, ("mouth", "eyes"))
    difference = blur(views.source.astype(np.float32) - views.inversion, _JUDGED)
    error = np.sqrt(np.square(difference).mean(axis=2))
    inside = face > 0.5
    usual = float(np.median(error[inside])) if inside.any() else 0.0
    foreign = smoothstep(error - usual, _SUSPICIOUS, _FOREIGN)
    return np.asarray(foreign * _objects(foreign > 0, inside, expression))


def _objects(found: NDArray[np.bool_], inside: NDArray[np.bool_], expression: Plane) -> Plane:
    """1 on the connected areas that reach into the face and are more than an expression."""
    count, labels = cv2.connectedComponents(found.astype(np.uint8))
    area = np.bincount(labels[inside], minlength=count)
    weight = np.bincount(labels[inside], expression[inside], minlength=count)
    kept = (area > 0) & (weight < _EXPRESSION_SHARE * area)
    kept[0] = False
    return np.asarray(kept[labels], dtype=np.float32)
