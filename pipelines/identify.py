"""Who is in a frame: faces detected, linked over frames, and recognised when they come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.face_networks import Detector, Embedder
from pipelines.media.frame import Frame
from stabilization.cuts import CutDetector
from stabilization.people import FIRST_LOOKS, People
from stabilization.tracks import Detection, Track, Tracker, intersection_over_union
from videoinv.faces.types import Face, Image

THUMBNAIL = (64, 64)
SURE, CLEAR = 0.5, 0.05
"""Overlap above which a face is the one before, if it overlaps with no other above the second."""
LOOK_EVERY, FIRST_LOOKS_EVERY = 30, 4
"""Frames from one look at who somebody is to the next, if nothing asks for one earlier."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """What a look at a frame told."""

    faces: Mapping[int, Face]
    """Those detected in this frame, by track."""
    people: Mapping[int, Track]
    """Everyone in view, by person; among them those who are missed in this frame."""


class Identifier:
    """Links the faces of the frames that it is shown; not every frame need be shown.

    Identity costs as much as detection, so it is asked only when overlap does not say who a face
    is, of newcomers, and now and then.

    Args:
        detector: finds faces.
        embedder: says who they are; ``None``: people are told apart by overlap alone, and whoever
            comes back is somebody new.
    """

    def __init__(self, detector: Detector, embedder: Embedder | None) -> None:
        self._detector, self._embedder = detector, embedder
        self._tracker, self._people = Tracker(), People()
        self._looked: dict[int, int] = {}

    def cut(self) -> None:
        """A new shot begins."""
        self._tracker.cut()
        self._people.cut()

    def look(self, frame: Frame) -> Sighting:
        """Detect, link and recognise the faces of a frame."""
        faces = self._detector.detect(frame.image)
        detections = [self._detection(frame, face, faces) for face in faces]
        tracks = self._tracker.push(frame.index, detections).tracks
        self._looked |= {
            track.id: frame.index
            for track, detection in zip(tracks, detections, strict=True)
            if detection.embedding is not None
        }
        live = self._tracker.tracks
        self._looked = {t.id: self._looked.get(t.id, frame.index) for t in live}
        by_track = {track.id: face for track, face in zip(tracks, faces, strict=True)}
        return Sighting(by_track, self._people.update(live, frame.index))

    def _detection(self, frame: Frame, face: Face, faces: Sequence[Face]) -> Detection:
        if self._embedder is None or not self._asks_who(frame.index, face, faces):
            return Detection(face.box)
        return Detection(face.box, self._embedder.embed([frame.image], [face])[0].cpu().numpy())

    def _asks_who(self, index: int, face: Face, faces: Sequence[Face]) -> bool:
        """Whether overlap does not tell who a face is, or it is time to look at them again."""
        overlaps = [
            (intersection_over_union(track.last.box, face.box), track)
            for track in self._tracker.tracks
        ]
        touched = [track for overlap, track in overlaps if overlap > CLEAR]
        rivals = [f for f in faces if any(_touch(f.box, track) for track in touched)]
        if len(touched) != 1 or len(rivals) != 1 or max(o for o, _ in overlaps) < SURE:
            return True
        track = touched[0]
        wait = FIRST_LOOKS_EVERY if track.looks < FIRST_LOOKS else LOOK_EVERY
        return index - self._looked[track.id] >= wait


def _touch(box: np.ndarray, track: Track) -> bool:
    return intersection_over_union(track.last.box, box) > CLEAR


class ShotWatch:
    """Says of each frame whether a new shot begins with it."""

    def __init__(self) -> None:
        self._cuts = CutDetector()

    def push(self, image: Image) -> bool:
        """Take the next frame, RGB uint8 [H, W, 3]."""
        small = cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA)
        return self._cuts.push(np.asarray(small, np.uint8))
