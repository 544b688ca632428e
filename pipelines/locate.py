"""Who is edited, and where: from frames to one person's face, cut by cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from pipelines.media.frame import Frame
from pipelines.steps import Placed, Step
from stabilization.cuts import CutDetector
from stabilization.selection import largest
from stabilization.tracks import Detection, Tracker
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Face

THUMBNAIL = (64, 64)
MAX_MESH_ONLY = 15
"""Frames for which the mesh alone may carry a face on that the detector misses."""


class FaceLocator:
    """Follows the largest face of each shot.

    Args:
        choose_size: side of the crop in pixels from the side of the first quad of a segment.
        detector: finds faces.
        mesh: fits the mesh to them.
    """

    def __init__(
        self, choose_size: Callable[[float], int], detector: FaceDetector, mesh: FaceMesh
    ) -> None:
        self._choose_size = choose_size
        self._size: int | None = None
        self._detector, self._mesh = detector, mesh
        self._cuts, self._tracker = CutDetector(), Tracker()
        self._chosen: int | None = None
        self._last: Face | None = None
        self._mesh_only = 0
        self._segment = 0

    def locate(self, frames: Iterable[Frame]) -> Iterator[Step[Placed]]:
        """Each frame with the chosen face's mesh and FFHQ quad, or with nobody."""
        for frame in frames:
            if self._cuts.push(_thumbnail(frame)):
                self._tracker.cut()
                self._begin_segment()
            face = self._follow(frame)
            if face is None and self._last is not None:
                self._begin_segment()
            self._last = face
            yield Step(frame, self._segment, None if face is None else self._place(face))

    def _begin_segment(self) -> None:
        self._segment += 1
        self._chosen, self._last, self._mesh_only, self._size = None, None, 0, None

    def _follow(self, frame: Frame) -> Face | None:
        """The chosen face in this frame, with its mesh."""
        faces = self._detector.detect(frame.image)
        found = self._tracker.push(frame.index, [Detection(f.box, payload=f) for f in faces])
        if self._chosen is None:
            track = largest(found.tracks)
            self._chosen = None if track is None else track.id
        for track, face in zip(found.tracks, faces, strict=True):
            if track.id == self._chosen:
                mesh = self._mesh.fit(frame.image, face)
                if mesh is not None:
                    self._mesh_only = 0
                    return face.with_mesh(mesh)
        return self._carry_on(frame)

    def _carry_on(self, frame: Frame) -> Face | None:
        """The face where its last mesh leads, in a frame in which the detector missed it."""
        if self._last is None or self._last.mesh is None or self._mesh_only >= MAX_MESH_ONLY:
            return None
        self._mesh_only += 1
        mesh = self._mesh.track(frame.image, self._last.mesh)
        return None if mesh is None else self._last.with_mesh(mesh)

    def _place(self, face: Face) -> Placed:
        assert face.mesh is not None  # _follow returns no face without one
        alignment = Alignment(quad_from_mesh(face.mesh), size=1)
        if self._size is None:
            self._size = self._choose_size(alignment.scale)
        return Placed(face, alignment.resized(self._size))


def _thumbnail(frame: Frame) -> np.ndarray:
    return cv2.resize(frame.image, THUMBNAIL, interpolation=cv2.INTER_AREA)
