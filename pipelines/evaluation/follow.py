"""Which face is scored: the largest of each shot, found in the source alone."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.evaluation.networks import Networks
from pipelines.identify import ShotWatch
from stabilization.selection import largest
from stabilization.tracks import Assignments, Detection, Tracker
from videoinv.faces.mesh import region_of_face
from videoinv.faces.types import Alignment, Face, Image, Points


@dataclass(frozen=True, eq=False)
class Seen:
    """The face in one frame."""

    shot: int
    """Counts up at every cut and whenever the face was away: nothing is compared across."""
    mesh: Points
    """[468, 3] in frame pixels."""
    region: Alignment
    """Where the mesh was looked for; a result's is looked for in the same place."""


class FaceFollower:
    """Finds the largest face of every shot in every frame."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._shots, self._tracker = ShotWatch(), Tracker()
        self._chosen: int | None = None
        self._frame = self._shot = -1
        self._away = True

    def push(self, image: Image) -> Seen | None:
        """The face in the next frame of the source, RGB uint8 [H, W, 3]; ``None``: none is seen."""
        self._frame += 1
        if self._shots.push(image):
            self._tracker.cut()
            self._chosen, self._away = None, True
        face = self._find(image)
        region = None if face is None else region_of_face(face)
        mesh = None if region is None else self._networks.mesh.fit_regions([image], [region])[0]
        if region is None or mesh is None:
            self._away = True
            return None
        self._shot += self._away
        self._away = False
        return Seen(self._shot, mesh, region)

    def _find(self, image: Image) -> Face | None:
        faces = self._networks.detector.detect(image)
        found = self._tracker.push(self._frame, [Detection(f.box) for f in faces])
        self._choose(found)
        for track, face in zip(found.tracks, faces, strict=True):
            if track.id == self._chosen:
                return face
        return None

    def _choose(self, found: Assignments) -> None:
        if self._chosen in {track.id for track in (*found.tracks, *found.missed)}:
            return
        track = largest(found.tracks)
        self._chosen = None if track is None else track.id
