"""Detections linked over frames into tracks: who is who, from frame to frame.

Streaming: a tracker holds a few numbers per live track, however long the video is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[np.floating[Any]]
EMBEDDING_RATE = 0.1
"""Least weight of a new embedding in a track's mean, whose first looks weigh alike: one bad look
does not change who somebody is, be it the first or a later one."""
SAME_PERSON = 0.45
"""Cosine of MobileFaceNet's embeddings above which two faces are one person's. Measured: a
face and the running mean of its own track reach at least 0.50 behind a hand, and 0.8 to 0.95
usually; faces of two clips at most 0.34; of the 1540 pairs among 56 photographs of
celebrities two are evidently one person (0.77, 0.82), the next is at 0.41 and 99 % below 0.31."""
IDENTITY_WEIGHT = 3.0
"""Of the cosine beside the overlap: the cosine of strangers falls short of a person's own by about
0.6, which must outweigh an overlap of 1 when two people have changed places unseen."""


@dataclass(frozen=True, eq=False)
class Detection:
    """Something found in one frame.

    Raises:
        ValueError: if the box is empty or the embedding is not a unit vector.
    """

    box: Array
    """x0, y0, x1, y1 in pixels: [4]"""
    embedding: Array | None = None
    """who it is, a unit vector [D]; ``None`` where nobody asked"""

    def __post_init__(self) -> None:
        box = np.asarray(self.box)
        if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
            raise ValueError(f"box {box}; it must be x0, y0, x1, y1 with x1 > x0 and y1 > y0")
        if self.embedding is not None and abs(np.linalg.norm(self.embedding) - 1.0) > 1e-3:
            raise ValueError(
                f"an embedding of length {np.linalg.norm(self.embedding):.4f}; divide it by that"
            )

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


@dataclass(frozen=True, eq=False)
class Track:
    """One person in one shot, as far as the tracker has seen; a later push makes a new one."""

    id: int
    """0-based, in order of appearance and from left to right among those who appear together"""
    last_frame: int
    """index of the latest frame with a detection"""
    last: Detection
    """the latest detection"""
    summed_area: float
    """of the boxes of all detections so far"""
    embedding: Array | None
    """running mean, a unit vector [D]"""
    looks: int
    """embeddings in the mean"""


@dataclass(frozen=True)
class Assignments:
    """What became of one frame's detections, and of the tracks that are alive."""

    tracks: tuple[Track, ...]
    """the track of each detection, in their order"""
    missed: tuple[Track, ...]
    """alive, but not in this frame"""


class Tracker:
    """Links detections to tracks by overlap and identity, with the best assignment overall.

    A link may be if the overlap (IoU) with the track's last box plus, where both have embeddings,
    the excess of their cosine over ``same_person`` reaches ``min_likeness``. So overlap alone links
    a face that a hand hides from the recogniser, and a face that moved too fast to overlap is
    linked if it is clearly the same. Among the links that may be, those with the greatest sum of
    overlap and, weighing thrice as much, cosine are made: where boxes overlap, as of two people
    who cross, identity decides.

    Args:
        max_gap: frames that a track may go without a detection and live.
        min_likeness: least likeness of a link; below it, a detection begins a track.
        same_person: cosine between embeddings above which two faces are rather one person's.
            It depends on the recogniser.

    Raises:
        ValueError: if a setting is outside its range.
    """

    def __init__(
        self, max_gap: int = 15, min_likeness: float = 0.2, same_person: float = SAME_PERSON
    ) -> None:
        if max_gap < 0:
            raise ValueError(f"max_gap is {max_gap}; it must be 0 frames or more")
        if not 0 < min_likeness < 1 or not -1 < same_person < 1:
            raise ValueError(
                f"min_likeness {min_likeness} must lie between 0 and 1, "
                f"same_person {same_person} between −1 and 1"
            )
        self._max_gap, self._min_likeness, self._same_person = max_gap, min_likeness, same_person
        self._live: list[Track] = []
        self._born = 0
        self._frame: int | None = None

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The live tracks, oldest first."""
        return tuple(self._live)

    def push(self, frame_index: int, detections: Sequence[Detection]) -> Assignments:
        """Take one frame's detections, possibly none.

        Args:
            frame_index: above that of the push before; frames that are never pushed count as
                missed, so detection may run every few frames.
            detections: in any order.

        Raises:
            ValueError: if the index does not increase.
        """
        if self._frame is not None and frame_index <= self._frame:
            raise ValueError(f"frame {frame_index} after frame {self._frame}; they must increase")
        self._frame = frame_index
        assigned = {
            column: _extend(track, frame_index, detections[column])
            for track, column in self._link(frame_index, detections)
        }
        assigned |= self._bear(frame_index, detections, assigned.keys())
        seen = {track.id for track in assigned.values()}
        missed = [track for track in self._live if track.id not in seen]
        missed = [track for track in missed if frame_index - track.last_frame <= self._max_gap]
        self._live = sorted((*missed, *assigned.values()), key=lambda track: track.id)
        ordered = (assigned[column] for column in range(len(detections)))
        return Assignments(tuple(ordered), tuple(missed))

    def cut(self) -> None:
        """End all tracks: a new shot begins."""
        self._live = []

    def _link(self, frame_index: int, detections: Sequence[Detection]) -> list[tuple[Track, int]]:
        """(track, index of the detection); a pair that is not alike enough is worth no link."""
        waiting = [t for t in self._live if frame_index - t.last_frame <= self._max_gap + 1]
        worth = np.zeros((len(waiting), len(detections)))
        for row, track in enumerate(waiting):
            for column, detection in enumerate(detections):
                worth[row, column] = self._worth(track, detection)
        rows, columns = linear_sum_assignment(worth, maximize=True)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(waiting[row], column) for row, column in pairs if worth[row, column] > 0]

    def _worth(self, track: Track, detection: Detection) -> float:
        """What a link adds to the sum that the assignment maximises; 0 if it may not be."""
        overlap = intersection_over_union(track.last.box, detection.box)
        if track.embedding is None or detection.embedding is None:
            return overlap if overlap >= self._min_likeness else 0.0
        cosine = float(track.embedding @ detection.embedding)
        if overlap + cosine - self._same_person < self._min_likeness:
            return 0.0
        return max(overlap + IDENTITY_WEIGHT * cosine, self._min_likeness)

    def _bear(
        self, frame_index: int, detections: Sequence[Detection], linked: Collection[int]
    ) -> dict[int, Track]:
        """New tracks for the detections that are not linked, by index; ids from left to right."""
        alone = [index for index in range(len(detections)) if index not in linked]
        born = {}
        for index in sorted(alone, key=lambda index: centre_x(detections[index])):
            detection = detections[index]
            born[index] = Track(
                self._born,
                frame_index,
                detection,
                detection.area,
                detection.embedding,
                looks=int(detection.embedding is not None),
            )
            self._born += 1
        return born


def interpolate_gap(before: ArrayLike, after: ArrayLike, count: int) -> Array:
    """Parameters for ``count`` missed frames, on the straight line between their neighbours.

    Args:
        before: [...] of the last frame before the gap, in parameters that add up: centre, log of
            the scale, rotation unwrapped (``stabilization.filters.unwrap_angle``).
        after: [...] of the first frame after it.
        count: missed frames.

    Returns:
        [count, ...]

    Raises:
        ValueError: if the shapes differ or the count is negative.
    """
    start, end = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if start.shape != end.shape:
        raise ValueError(f"parameters of shape {start.shape} before the gap, {end.shape} after it")
    if count < 0:
        raise ValueError(f"{count} missed frames; it must be 0 or more")
    return np.linspace(start, end, count + 2)[1:-1]


def intersection_over_union(box: Array, other: Array) -> float:
    """Overlap of two boxes xyxy, in [0, 1]."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0.0)))
    union = float(np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / union


def centre_x(detection: Detection) -> float:
    """Horizontal middle of the box in pixels."""
    return float(detection.box[0] + detection.box[2]) / 2.0


def _extend(track: Track, frame_index: int, detection: Detection) -> Track:
    """The track with one more detection."""
    return replace(
        track,
        last_frame=frame_index,
        last=detection,
        summed_area=track.summed_area + detection.area,
        embedding=blend(track.embedding, detection.embedding, track.looks),
        looks=track.looks + (detection.embedding is not None),
    )


def blend(mean: Array | None, embedding: Array | None, looks: int) -> Array | None:
    """The running mean [D] of unit vectors, itself one, with one more after ``looks`` of them."""
    if mean is None or embedding is None:
        return mean if embedding is None else embedding
    rate = max(EMBEDDING_RATE, 1 / (looks + 1))
    blended = (1 - rate) * mean + rate * embedding
    return np.asarray(blended / np.linalg.norm(blended))
