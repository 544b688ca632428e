"""Hands before a face: 21 points of each, found by palms and then followed from frame to frame.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import crop
from videoinv.faces.mesh import read_tflite
from videoinv.faces.palms import Palm, PalmDetector
from videoinv.faces.types import Alignment, Image, Points, transform_points

POINTS = 21
INPUT_SIZE = 224
# Points of a hand: the wrist, then from its root to its tip the thumb and every finger.
WRIST = 0
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
# The square that the network looks at: side and shift towards the fingers over the palm's own
# side, and over the extent of those points that a finger's bending moves least, as published.
_PALM_MARGIN, _PALM_SHIFT = 2.6, 0.5
_HAND_MARGIN, _HAND_SHIFT = 2.0, 0.1
_STEADY_POINTS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
_POINTS_OUTPUT, _PRESENCE_OUTPUT = "Identity", "Identity_1"
# Where hands are looked for: a square around the face, in parts of the side of its FFHQ quad.
_SEARCH_SIDE, _SEARCH_LOWER = 1.6, 0.2
_SEARCH_EVERY = 3
"""Frames from one search for palms to the next, a slow network on a processor."""
_SAME_HAND = 0.5
"""Fits whose middles are nearer than this part of the larger one's extent are one hand."""


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand in one frame."""

    points: Points
    """[21, 2] in frame pixels."""
    presence: float
    """The network's probability that this is a hand."""

    @property
    def extent(self) -> float:
        """The longer side of the box around the points, in pixels."""
        return float(np.ptp(self.points, axis=0).max())


class HandLandmarks:
    """Fits the 21 points to a hand. Not safe to share between threads.

    Args:
        model: path of the TFLite file; fetched by the catalog when None.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._network = read_tflite(model or fetch("hand-landmarks"))

    def fit(self, image: Image, region: Alignment) -> Hand:
        """The hand that a region of an RGB frame would show, if it shows one."""
        picture = crop(image, region, border="black")
        self._network.setInput(cv2.dnn.blobFromImage(picture, 1 / 255))
        raw, presence = self._network.forward([_POINTS_OUTPUT, _PRESENCE_OUTPUT])
        points = raw.reshape(POINTS, 3)[:, :2].astype(np.float64)
        return Hand(transform_points(region.to_frame, points), float(presence.reshape(-1)[0]))


class HandNetworks:
    """Both networks, which several trackers in one thread may share; fetched when None."""

    def __init__(
        self, palms: PalmDetector | None = None, landmarks: HandLandmarks | None = None
    ) -> None:
        self.palms = palms or PalmDetector()
        self.landmarks = landmarks or HandLandmarks()


class HandTracker:
    """Follows the hands near one face.

    A hand seen in the frame before is looked for at its place, which is cheap and sure. Palms are
    searched for every few frames, and when a hand is lost.

    Args:
        networks: find new hands and fit them.
        min_presence: probability below which a fit is no hand.
    """

    def __init__(self, networks: HandNetworks, *, min_presence: float = 0.6) -> None:
        self._palms, self._landmarks = networks.palms, networks.landmarks
        self._min_presence = min_presence
        self._last: list[Hand] = []
        self._frames = 0

    def push(self, image: Image, face: Alignment) -> list[Hand]:
        """The hands near a face in the next RGB frame; ``face`` is its FFHQ quad there."""
        hands: list[Hand] = []
        for hand in self._last:
            self._add(hands, self._landmarks.fit(image, region_of_hand(hand)))
        if len(hands) < len(self._last) or self._frames % _SEARCH_EVERY == 0:
            for palm in self._palms.detect(image, search_region(face)):
                # The second look is from where the first one saw the hand.
                first = self._landmarks.fit(image, region_of_palm(palm))
                self._add(hands, self._landmarks.fit(image, region_of_hand(first)))
        self._frames += 1
        self._last = hands
        return hands

    def _add(self, hands: list[Hand], hand: Hand) -> None:
        if hand.presence >= self._min_presence and not any(_same(hand, other) for other in hands):
            hands.append(hand)


def search_region(face: Alignment) -> Alignment:
    """The upright square around a face, a little lower, in which hands are looked for."""
    center = face.center + np.array([0.0, _SEARCH_LOWER * face.scale])
    return Alignment.from_parameters(center, _SEARCH_SIDE * face.scale, 0.0, INPUT_SIZE)


def region_of_palm(palm: Palm) -> Alignment:
    """The square around the whole hand of a palm, its fingers upwards."""
    center = palm.center + _PALM_SHIFT * palm.side * palm.up
    return _upright(center, _PALM_MARGIN * palm.side, palm.up)


def region_of_hand(hand: Hand) -> Alignment:
    """The square around a hand, for the next look at it."""
    points = hand.points
    up = (points[5] + points[13]) / 4 + points[9] / 2 - points[WRIST]
    up = up / max(float(np.hypot(*up)), 1e-6)
    axes = np.stack([[-up[1], up[0]], up])
    along = points[list(_STEADY_POINTS)] @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    side = float((high - low).max())
    center = (low + high) / 2 @ axes + _HAND_SHIFT * side * up
    return _upright(center, _HAND_MARGIN * side, up)


def _upright(center: Points, side: float, up: Points) -> Alignment:
    rotation = float(np.arctan2(up[0], -up[1]))
    return Alignment.from_parameters(center, max(side, 1.0), rotation, INPUT_SIZE)


def _same(hand: Hand, other: Hand) -> bool:
    apart = np.hypot(*(hand.points.mean(axis=0) - other.points.mean(axis=0)))
    return bool(apart < _SAME_HAND * max(hand.extent, other.extent))
