"""Frames in which a face was missed: filled on the straight line between their neighbours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipelines.steps import Step
from stabilization.tracks import interpolate_gap
from videoinv.faces.types import Face

MAX_GAP = 8
"""Frames that are filled at most; so many are held while a face is missed."""


@dataclass(frozen=True, eq=False)
class Found:
    """Somebody to edit, before the crop is placed."""

    face: Face
    """With its mesh."""
    person: int
    roles: tuple[int, ...]


def filled(steps: Iterable[Step[Found]], max_gap: int = MAX_GAP) -> Iterator[Step[Found]]:
    """The same steps, but a run that is away and comes back was there all the time.

    A run that comes back after more than ``max_gap`` frames must be another one: see ``Step``.
    Frames wait only while somebody is missing who was there at most so many frames ago.
    """
    held: deque[Step[Found]] = deque()
    seen: dict[int, tuple[int, Found]] = {}
    for now, step in enumerate(steps):
        for run, found in step.people.items():
            before, last = seen.get(run, (now - 1, found))
            missed = now - 1 - before
            for back, between in zip(range(-missed, 0), _between(last, found, missed), strict=True):
                held[back] = replace(held[back], people={**held[back].people, run: between})
            seen[run] = now, found
        held.append(step)
        seen = {run: sight for run, sight in seen.items() if now - sight[0] <= max_gap}
        settled = min((before for before, _ in seen.values()), default=now)
        while len(held) > now - settled:
            yield held.popleft()
    yield from held


def _between(before: Found, after: Found, count: int) -> list[Found]:
    one, other = before.face, after.face
    assert one.mesh is not None and other.mesh is not None  # found faces have one
    boxes = interpolate_gap(one.box, other.box, count)
    landmarks = interpolate_gap(one.landmarks, other.landmarks, count)
    meshes = interpolate_gap(one.mesh, other.mesh, count)
    return [
        replace(before, face=Face(box, points, one.score, mesh))
        for box, points, mesh in zip(boxes, landmarks, meshes, strict=True)
    ]
