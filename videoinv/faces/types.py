"""What travels between the face stages: a found face, and the similarity between frame and crop.

Coordinates are pixels (x, y) with the centre of the first pixel at (0, 0), as in OpenCV and dlib.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videoinv.errors import BadInputError

Points = NDArray[np.float64]
Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame."""

    box: Points
    """[4]: left, top, right, bottom; may reach beyond the frame."""
    landmarks: Points
    """[5, 2]: the eyes, nose tip, mouth corners; of each pair the left one in the image first."""
    score: float
    """The detector's confidence, 0 to 1."""
    mesh: Points | None = None
    """[468, 3]: the face mesh in frame pixels; z grows away from the camera, in the same unit."""

    def with_mesh(self, mesh: Points | None) -> Face:
        """The same face with a mesh."""
        return replace(self, mesh=mesh)


@dataclass(frozen=True, eq=False)
class Alignment:
    """The similarity between a frame and a square crop of it.

    The crop's outer edges lie on the quad, so the centre of crop pixel (i, j) is at the fraction
    ((i + ½) / size, (j + ½) / size) of the quad's sides.

    Raises:
        BadInputError: if the quad is not a finite square [4, 2] or the size is not positive.
    """

    quad: Points
    """[4, 2]: corners in frame pixels in the order of FFHQ: TL, BL, BR, TR."""
    size: int
    """Side of the crop in pixels."""

    def __post_init__(self) -> None:
        quad = np.asarray(self.quad, dtype=np.float64)
        object.__setattr__(self, "quad", quad)
        if quad.shape != (4, 2) or not np.isfinite(quad).all():
            raise BadInputError(f"a quad is four finite points [4, 2], not {quad.tolist()}")
        if self.size < 1:
            raise BadInputError(f"the crop size must be at least 1 pixel, not {self.size}")
        square = _square(self.center, self.scale, self.rotation)
        if self.scale <= 0 or np.abs(square - quad).max() > 1e-3 * self.scale:
            raise BadInputError(f"the quad is not a square in the order TL, BL, BR, TR: {quad}")

    @classmethod
    def from_parameters(cls, center: Points, scale: float, rotation: float, size: int) -> Alignment:
        """The alignment with these parameters, which a time filter may have smoothed one by one.

        Args:
            center: [2], the quad's centre in frame pixels.
            scale: side of the quad in frame pixels.
            rotation: angle of the quad's top edge in radians, positive clockwise on the screen.
            size: side of the crop in pixels.
        """
        return cls(_square(np.asarray(center, dtype=np.float64), scale, rotation), size)

    @property
    def center(self) -> Points:
        """[2]: the quad's centre in frame pixels."""
        return np.asarray(self.quad.mean(axis=0))

    @property
    def scale(self) -> float:
        """Side of the quad in frame pixels."""
        return float(np.hypot(*self._top))

    @property
    def rotation(self) -> float:
        """Angle of the quad's top edge in radians, in (−π, π], positive clockwise on the screen."""
        return float(np.arctan2(self._top[1], self._top[0]))

    @property
    def to_frame(self) -> Points:
        """[2, 3]: the matrix that takes crop pixels to frame pixels."""
        return _about(self._turn * (self.scale / self.size), self._crop_center, self.center)

    @property
    def to_crop(self) -> Points:
        """[2, 3]: the matrix that takes frame pixels to crop pixels; inverse of ``to_frame``."""
        return _about(self._turn.T * (self.size / self.scale), self.center, self._crop_center)

    def resized(self, size: int) -> Alignment:
        """The same quad seen by a crop of another size."""
        return replace(self, size=size)

    @property
    def _top(self) -> Points:
        # Both horizontal edges, so that a quad that is a square only up to rounding is averaged.
        return np.asarray((self.quad[3] - self.quad[0] + self.quad[2] - self.quad[1]) / 2)

    @property
    def _turn(self) -> Points:
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        return np.array([[cos, -sin], [sin, cos]])

    @property
    def _crop_center(self) -> Points:
        return np.full(2, (self.size - 1) / 2)


def transform_points(matrix: Points, points: Points) -> Points:
    """Points [..., 2] taken through an affine matrix [2, 3]."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _square(center: Points, scale: float, rotation: float) -> Points:
    x = np.array([np.cos(rotation), np.sin(rotation)]) * scale / 2
    y = np.array([-x[1], x[0]])
    return np.stack([center - x - y, center - x + y, center + x + y, center + x - y])


def _about(linear: Points, source: Points, target: Points) -> Points:
    """The affine map with this linear part that takes ``source`` to ``target``."""
    return np.column_stack([linear, target - linear @ source])
