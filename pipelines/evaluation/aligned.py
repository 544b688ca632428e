"""Landmarks of source and result in a steadily aligned frame, for jitter with lag."""

from __future__ import annotations

from collections import deque

import numpy as np

from stabilization.filters import Gaussian, unwrap_angle
from stabilization.measures import Array, Steadiness, SteadinessMeter
from videoinv.faces.align import EYES_MESH
from videoinv.faces.types import Alignment, Points, transform_points

SIGMA = 3.0
"""Frames over which the alignment is smoothed. Motion of the head below some 2 Hz leaves with it,
so that lag is read from the face's own motion; what trembles faster than that, stays."""


class AlignedLandmarks:
    """Feeds a ``SteadinessMeter`` with landmarks seen in the source's smoothed alignment.

    The alignment itself comes from landmarks and trembles with them. Seen in it, a paste that
    trembles by the same noise would look still, and a face would lag as little as its head; so it
    is smoothed first. Holds the meshes of a few frames, no pictures.
    """

    def __init__(self) -> None:
        self._meter = SteadinessMeter()
        self._filter = Gaussian(SIGMA)
        self._waiting: deque[tuple[Points, Points | None, int]] = deque()
        self._rotation = 0.0

    def push(self, alignment: Alignment, source: Points, result: Points | None) -> None:
        """Take the next frame of a shot.

        Args:
            alignment: of the source's face, not smoothed.
            source: its mesh [468, 3] in frame pixels.
            result: the result's; ``None`` if no face is seen in it.
        """
        self._rotation = unwrap_angle(alignment.rotation, self._rotation)
        shape = [np.log(alignment.scale), self._rotation]
        self._waiting.append((source, result, alignment.size))
        self._take(self._filter.push(np.array([*alignment.center, *shape])))

    def cut(self) -> None:
        """The next frame belongs to another shot."""
        self._take(self._filter.flush())
        self._meter.cut()

    def finish(self) -> Steadiness | None:
        """The measures; ``None`` if there were not three frames in a row."""
        self.cut()
        try:
            return self._meter.result()
        except ValueError:
            return None

    def _take(self, smoothed: list[Array]) -> None:
        for x, y, log_scale, rotation in smoothed:
            source, result, size = self._waiting.popleft()
            grid = Alignment.from_parameters(np.array([x, y]), np.exp(log_scale), rotation, size)
            if result is None:
                self._meter.cut()
                continue
            before, after = (transform_points(grid.to_crop, p[:, :2]) for p in (source, result))
            self._meter.push(before, after, inter_ocular(before))


def inter_ocular(points: Points) -> float:
    """Distance of the eyes' centres of a mesh [468, 2 or 3]."""
    left, right = (points[list(eye), :2].mean(axis=0) for eye in EYES_MESH)
    return float(np.hypot(*(right - left)))
