"""The display matrix of a video: how its stored pictures are turned before they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from pipelines.media.side_data import side_data_of

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """A mirroring (left and right swapped) followed by quarter turns to the left."""

    quarter_turns: int = 0
    """0 to 3, counter-clockwise, as ``numpy.rot90`` counts."""
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.quarter_turns % 2 == 1

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as shown, of a picture stored as width × height."""
        return (height, width) if self.swaps_sides else (width, height)

    def apply(self, plane: NDArray[Scalar]) -> NDArray[Scalar]:
        """A stored plane [H, W, ...] as it is shown; a view, not a copy."""
        return np.rot90(plane[:, ::-1] if self.mirrored else plane, self.quarter_turns)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a decoded frame asks for.

    The matrix (a b; c d) in 16.16 fixed point maps a stored position (x, y) to
    (a·x + c·y, b·x + d·y), y downwards. Turns that are no multiple of 90° are rounded to the
    nearest; players do not show them either.
    """
    stored = side_data_of(frame).get(Type.DISPLAYMATRIX)
    if stored is None:
        return Orientation()
    matrix = np.frombuffer(stored, np.int32)
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    mirrored = a * d - b * c < 0
    if mirrored:  # undo x → −x, which is applied first
        a, b = -a, -b
    turns = round(np.degrees(np.arctan2(-b, a)) / 90) % 4
    return Orientation(turns, mirrored)
