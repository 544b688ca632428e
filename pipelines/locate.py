"""Who is edited, and where: from frames to the meshes and crops of the people chosen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.cast import Cast, FaceChoice, Largest
from pipelines.face_networks import FaceNetworks
from pipelines.fill import MAX_GAP, Found, filled
from pipelines.identify import Identifier, ShotWatch, Sighting
from pipelines.media.frame import Frame
from pipelines.steps import Placed, Step
from stabilization.tracks import intersection_over_union
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.types import Alignment, Face, Points

DETECT_EVERY = 5
"""Measured on five clips, 550 frames: detecting every 5th frame takes 13 to 17 ms of CPU time a
frame in place of 22 to 27. A mesh that is carried on for 15 frames lies 0.13 to 0.27 % of the
crop's side off the one fitted to a detection. Fitting anew at every detection is a small jump each
time and doubles the jitter of a still face, so a detection corrects a mesh only if it has left its
face."""
MAX_MESH_ONLY = 15
"""Frames for which the mesh alone may carry a face on that the detector misses."""
ON_FACE = 0.6
"""Overlap of a mesh's box with the detector's below which the mesh does not lie on that face: at
least 0.73 on single faces, a hand before them or not; 0.45 to 0.62 where a mesh is torn between two
people."""
COVERED = 0.3
"""Overlap with somebody else's face from which a face that is not seen is behind it."""


@dataclass(frozen=True, eq=False)
class _Run:
    """One person followed without interruption."""

    number: int
    person: int
    face: Face
    """As last seen, with its mesh."""
    seen: int
    """Index of the last frame in which the mesh was seen ..."""
    detected: int
    """... and of the last one in which the detector found the face."""

    @property
    def mesh(self) -> Points:
        """[468, 3]: in frame pixels."""
        assert self.face.mesh is not None  # runs begin with one
        return self.face.mesh


class FaceLocator:
    """Follows the people chosen, frame by frame.

    The mesh follows everybody from frame to frame. The detector looks every few frames, at once
    where a mesh is lost, and in every frame in which nobody is followed or two people are near
    each other. So whoever joins somebody is found up to so many frames late.

    Args:
        choose_size: side of the crop in pixels from the side of a run's first quad.
        networks: that find and follow faces.
        faces: who is edited.
        detect_every: frames from one detection to the next.
    """

    def __init__(
        self,
        choose_size: Callable[[float], int],
        networks: FaceNetworks,
        faces: Sequence[FaceChoice] = (Largest(),),
        detect_every: int = DETECT_EVERY,
    ) -> None:
        self._choose_size, self._mesh = choose_size, networks.mesh
        self._detect_every = detect_every
        self._shots = ShotWatch()
        self._identifier = Identifier(networks.detector, networks.embedder)
        self._cast = Cast(faces)
        self._roles: dict[int, tuple[int, ...]] = {}
        self._runs: dict[int, _Run] = {}
        self._others: list[Points] = []
        self._numbers = itertools.count()
        self._looked = -1

    def locate(self, frames: Iterable[Frame]) -> Iterator[Step[Placed]]:
        """Each frame with the meshes and FFHQ quads of the people chosen, if there are any."""
        return self._place(filled(self._find(frame) for frame in frames))

    def locate_live(self, frames: Iterable[Frame]) -> Iterator[Step[Placed]]:
        """The same of a live picture: no frame waits to see whether a lost face comes back."""
        return self._place(self._find(frame) for frame in frames)

    def _find(self, frame: Frame) -> Step[Found]:
        """The frame with those who are seen in it."""
        if self._shots.push(frame.image):
            self._identifier.cut()
            self._runs = {}
        before = self._runs
        self._runs = {track: self._follow(frame, run) for track, run in before.items()}
        if self._is_due(frame.index):
            self._looked = frame.index
            self._check(frame, self._identifier.look(frame), before)
        people = {
            run.number: Found(run.face, run.person, self._roles[run.person])
            for run in self._runs.values()
            if run.seen == frame.index
        }
        return Step(frame, people)

    def _follow(self, frame: Frame, run: _Run) -> _Run:
        """The run with its mesh taken from the frame before into this one."""
        if run.seen != frame.index - 1:
            return run  # lost: only the detector brings it back
        mesh = self._mesh.track(frame.image, run.mesh)
        if mesh is None:
            return run
        return replace(run, face=run.face.with_mesh(mesh), seen=frame.index)

    def _is_due(self, index: int) -> bool:
        """Whether the detector has to look at this frame."""
        if not self._runs or index - self._looked >= self._detect_every:
            return True
        if any(run.seen != index for run in self._runs.values()):
            return True
        boxes = [_box(run.mesh) for run in self._runs.values()]
        pairs = [*itertools.combinations(boxes, 2), *itertools.product(boxes, self._others)]
        return any(_are_near(one, other) for one, other in pairs)

    def _check(self, frame: Frame, sighting: Sighting, before: Mapping[int, _Run]) -> None:
        """Begin, correct and end runs by what the detector sees, given the frame before's."""
        self._roles |= self._cast.look(sighting.people)
        chosen = {t.id: person for person, t in sighting.people.items() if person in self._roles}
        self._runs = {track: run for track, run in self._runs.items() if track in chosen}
        for track in sorted(chosen.keys() & sighting.faces.keys()):
            run = self._see(frame, track, chosen[track], sighting.faces[track])
            run = run or before.get(track)  # a mesh that left its face is as good as not followed
            if run is not None:
                self._runs[track] = run
        self._runs = {
            track: run
            for track, run in self._runs.items()
            if self._goes_on(track, run, frame.index, sighting)
        }
        self._others = [f.box for track, f in sighting.faces.items() if track not in chosen]

    def _see(self, frame: Frame, track: int, person: int, face: Face) -> _Run | None:
        """The run of somebody detected, if their mesh, or one fitted anew, lies on that face."""
        run, index = self._runs.get(track), frame.index
        if run is not None and intersection_over_union(_box(run.mesh), face.box) == 0:
            run = None  # the same person, but nobody moves so far: not to be filled or smoothed
        mesh = run.mesh if run is not None and run.seen == index else None
        if mesh is None or not _lies_on(mesh, face):
            mesh = self._mesh.fit(frame.image, face)
        if mesh is None or not _lies_on(mesh, face):
            return None
        number = next(self._numbers) if run is None else run.number
        return _Run(number, person, face.with_mesh(mesh), index, index)

    def _goes_on(self, track: int, run: _Run, index: int, sighting: Sighting) -> bool:
        """Whether somebody whom the detector may have missed is still followed."""
        if index - run.seen > MAX_GAP or index - run.detected > MAX_MESH_ONLY:
            return False
        box = _box(run.mesh)
        others = [face.box for other, face in sighting.faces.items() if other != track]
        is_covered = any(intersection_over_union(box, other) > COVERED for other in others)
        return run.detected == index or not is_covered

    def _place(self, steps: Iterable[Step[Found]]) -> Iterator[Step[Placed]]:
        """Align every face; a crop grows with somebody who comes nearer, and stays as large."""
        sizes: dict[int, int] = {}
        for step in steps:
            quads = {run: Alignment(_quad(found), size=1) for run, found in step.people.items()}
            sizes = {
                run: max(sizes.get(run, 0), self._choose_size(quad.scale))
                for run, quad in quads.items()
            }
            people = {
                run: Placed(found.face, quads[run].resized(sizes[run]), found.person, found.roles)
                for run, found in step.people.items()
            }
            yield Step(step.frame, people)


def _quad(found: Found) -> Points:
    assert found.face.mesh is not None  # found faces have one
    return quad_from_mesh(found.face.mesh)


def _box(mesh: Points) -> Points:
    """x0, y0, x1, y1 of a mesh."""
    return np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])


def _lies_on(mesh: Points, face: Face) -> bool:
    return intersection_over_union(_box(mesh), face.box) >= ON_FACE


def _are_near(box: Points, other: Points) -> bool:
    """Whether the boxes, each grown by a quarter of its sides, overlap."""
    return intersection_over_union(_grown(box), _grown(other)) > 0


def _grown(box: Points) -> Points:
    reach = (box[2:] - box[:2]) / 4
    return np.concatenate([box[:2] - reach, box[2:] + reach])
