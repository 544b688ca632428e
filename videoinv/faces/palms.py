"""Palms in front of a face, found by the first network of MediaPipe Hands.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import crop
from videoinv.faces.mesh import read_tflite
from videoinv.faces.types import Alignment, Image, Points, transform_points

INPUT_SIZE = 192
# Side of the grids of anchors and the anchors in each of their cells, in the network's order.
_GRIDS = ((24, 2), (12, 6))
_BOX_OUTPUT, _SCORE_OUTPUT = "Identity", "Identity_1"
_WRIST, _MIDDLE_KNUCKLE = 0, 2
_KEYPOINTS = 7
_OVERLAP = 0.3
"""Palms whose centres are nearer than this part of their side are one."""


@dataclass(frozen=True, eq=False)
class Palm:
    """A palm found in a frame; lengths in frame pixels."""

    center: Points
    """[2]"""
    side: float
    """The longer side of its box."""
    up: Points
    """[2]: unit vector from the wrist to the knuckle of the middle finger."""
    score: float
    """The detector's confidence, 0 to 1."""


class PalmDetector:
    """Finds palms in a square region of a frame. Not safe to share between threads.

    Args:
        model: path of the TFLite file; fetched by the catalog when None.
        min_score: confidence below which a palm is dropped. Lower than the published 0.5: a palm
            before a face is seldom whole, and the landmarks decide in the end.
    """

    def __init__(self, model: Path | None = None, *, min_score: float = 0.2) -> None:
        self._network = read_tflite(model or fetch("palm-detection"))
        self._min_score = min_score
        self._anchors = _anchors()

    def detect(self, image: Image, region: Alignment) -> list[Palm]:
        """The palms inside ``region`` of an RGB frame, the surest first."""
        region = region.resized(INPUT_SIZE)
        picture = crop(image, region, border="black")
        self._network.setInput(cv2.dnn.blobFromImage(picture, 1 / 255))
        boxes, logits = self._network.forward([_BOX_OUTPUT, _SCORE_OUTPUT])
        scores = 1 / (1 + np.exp(-logits.reshape(-1).astype(np.float64)))
        sure = np.argsort(-scores)[: int((scores >= self._min_score).sum())]
        raw = boxes.reshape(len(self._anchors), -1)[sure].astype(np.float64)
        palms = [
            _palm(row, anchor, float(score), region)
            for row, anchor, score in zip(raw, self._anchors[sure], scores[sure], strict=True)
        ]
        return _distinct(palms)


def _anchors() -> NDArray[np.float64]:
    """Centres [2016, 2] of the anchors in input pixels."""
    centers = []
    for side, each in _GRIDS:
        place = (np.arange(side) + 0.5) * INPUT_SIZE / side
        x, y = np.meshgrid(place, place)
        centers.append(np.repeat(np.stack([x, y], axis=2).reshape(-1, 2), each, axis=0))
    return np.concatenate(centers)


def _palm(row: Points, anchor: Points, score: float, region: Alignment) -> Palm:
    """A palm from the network's numbers: centre, size and seven points, about its anchor."""
    center, size, points = row[:2], row[2:4], row[4:].reshape(_KEYPOINTS, 2)
    placed = transform_points(region.to_frame, np.vstack([center, points]) + anchor)
    up = placed[1 + _MIDDLE_KNUCKLE] - placed[1 + _WRIST]
    up = up / max(float(np.hypot(*up)), 1e-6)
    return Palm(placed[0], float(size.max()) * region.scale / INPUT_SIZE, up, score)


def _distinct(palms: list[Palm]) -> list[Palm]:
    kept: list[Palm] = []
    for palm in palms:
        if all(np.hypot(*(palm.center - other.center)) > _OVERLAP * other.side for other in kept):
            kept.append(palm)
    return kept
