"""Measures over a whole shot, for clips of many shots: identity over time, the breathing crop."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabilization.identity import TemporalIdentity, temporal_identity
from stabilization.measures import Breathing, breathing
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.types import Alignment, Points

SHORTEST = 16
"""Frames in a row of which a spectrum is taken."""
CUTOFF = 3.0
"""Hz above which a crop breathes; a clip of less than twice as many frames a second cannot say."""

Array = NDArray[np.floating[Any]]


class IdentityOverTime:
    """TL-ID and TG-ID of each shot, averaged by its frames: another shot may show someone else."""

    def __init__(self) -> None:
        self._source: list[Array] = []
        self._result: list[Array] = []
        self._shots: list[tuple[int, TemporalIdentity]] = []

    def push(self, source: Array, result: Array) -> None:
        """Take the unit embeddings [D] of the next frame."""
        self._source.append(source)
        self._result.append(result)

    def cut(self) -> None:
        """The next frame belongs to another shot."""
        source, result = self._source, self._result
        self._source, self._result = [], []
        if len(source) < 2:
            return
        # Two frames of a long shot may have embeddings at a right angle, a hand over the face in
        # one of them: the ratio has no value then, nor has the measure.
        with suppress(ValueError):
            identity = temporal_identity(np.stack(source), np.stack(result))
            self._shots.append((len(source), identity))

    def result(self) -> TemporalIdentity | None:
        """The mean over the shots that a cut has ended; ``None`` if none had two frames."""
        if not self._shots:
            return None
        weights = [count for count, _ in self._shots]
        local = np.average([shot.local for _, shot in self._shots], weights=weights)
        overall = np.average([shot.overall for _, shot in self._shots], weights=weights)
        return TemporalIdentity(float(local), float(overall))


class CropMotion:
    """How restless the FFHQ crop of a face is; runs of frames are averaged by their length."""

    def __init__(self) -> None:
        self._run: list[tuple[float, float, float, float]] = []
        self._runs: list[tuple[int, Breathing]] = []

    def push(self, time: float, mesh: Points) -> None:
        """Take the face's mesh [468, 3] in the next frame, shown at a time in seconds."""
        alignment = Alignment(quad_from_mesh(mesh), size=1)
        x, y = alignment.center
        self._run.append((time, float(x), float(y), alignment.scale))

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        run, self._run = np.array(self._run), []
        if len(run) < SHORTEST:
            return
        fps = float((len(run) - 1) / (run[-1, 0] - run[0, 0]))
        if fps > 2 * CUTOFF:
            self._runs.append((len(run), breathing(run[:, 1:], fps, CUTOFF)))

    def breathing(self) -> Breathing | None:
        """The mean over the runs that a cut has ended; ``None`` if none was long enough."""
        if not self._runs:
            return None
        weights = [count for count, _ in self._runs]
        centre = np.average([run.centre for _, run in self._runs], weights=weights)
        scale = np.average([run.scale for _, run in self._runs], weights=weights)
        return Breathing(float(centre), float(scale))
