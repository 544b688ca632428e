"""Hands before a face: 21 points of each, found by palms and then followed from frame to frame.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
# Where hands are looked for: a square around the face, in parts of the side of its FFHQ quad, in
# turns a little and well below it, as the network sees some palms in one of them only. Measured
# on 28 frames with a hand on a face: 13 to 18 are found by a single search, most others by the
# next ones.
_SEARCH_SIDE, _SEARCH_LOWER = 1.6, (0.2, 0.4)
_MOST_PALMS, _MORE_LOOKS = 3, 2
_SEARCH_EVERY = 3
"""Frames from one search for palms to the next, a slow network on a processor."""
_SAME_HAND = 0.5
"""What is nearer to a hand's middle than this part of its extent belongs to it."""
_SURE = 0.9


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand in one frame."""

    points: Points
    """[21, 2] in frame pixels."""
    presence: float
    """The network's probability that this is a hand."""

    def covers(self, point: Points) -> bool:
        """Whether a point [2] lies about the middle of the hand."""
        apart = np.hypot(*(self.points.mean(axis=0) - point))
        return bool(apart < _SAME_HAND * self.extent)

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
        hands = self._seen(self._look(image, hand) for hand in self._last)
        if len(hands) < len(self._last) or self._frames % _SEARCH_EVERY == 0:
            hands = self._seen([*hands, *self._found(image, face, hands)])
        self._frames += 1
        self._last = hands
        return hands

    def _found(self, image: Image, face: Alignment, known: Sequence[Hand]) -> Iterator[Hand]:
        """Hands by their palms, but for those that are surely known."""
        lower = _SEARCH_LOWER[self._frames % len(_SEARCH_LOWER)]
        for palm in self._palms.detect(image, search_region(face, lower))[:_MOST_PALMS]:
            if any(hand.presence > _SURE and hand.covers(palm.center) for hand in known):
                continue
            hand = self._landmarks.fit(image, region_of_palm(palm))
            for _ in range(_MORE_LOOKS):
                hand = self._look(image, hand)
            yield hand

    def _look(self, image: Image, hand: Hand) -> Hand:
        """The hand again, from the place where it was seen."""
        return self._landmarks.fit(image, region_of_hand(hand))

    def _seen(self, hands: Iterable[Hand]) -> list[Hand]:
        """Each hand once, by its surest fit."""
        kept: list[Hand] = []
        for hand in sorted(hands, key=lambda hand: -hand.presence):
            if hand.presence >= self._min_presence and not any(_same(hand, k) for k in kept):
                kept.append(hand)
        return kept


def search_region(face: Alignment, lower: float) -> Alignment:
    """The upright square, lower than a face by a part of its side, in which hands are sought."""
    center = face.center + np.array([0.0, lower * face.scale])
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
    larger, smaller = (hand, other) if hand.extent > other.extent else (other, hand)
    return larger.covers(smaller.points.mean(axis=0))
