"""How far the eyes are open, from the contours of their lids.

The face mesh keeps the eyes about half open whatever the lids do. The network that tracks the
iris also fits the lids (Ablavatski et al., "Real-time Pupil Tracking from Monocular Video for
Digital Puppetry", 2020), from a crop around each eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import crop
from videoinv.faces.mesh import read_tflite
from videoinv.faces.types import Alignment, Image, Points

INPUT_SIZE = 64
# The square around an eye, over the distance of its corners, as in the published pipeline.
_MARGIN = 2.3
# Mesh vertices of the corners, left in the image first. The network knows the eye that is on
# the right in the image; the other one is mirrored.
_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)
_CONTOUR_OUTPUT, _CONTOUR_POINTS = "output_eyes_contours_and_brows", 71
# In the contour: the corners, and the middle five points of either lid in the same order. Those
# next to the corners are left out, where the lids meet and noise outweighs the opening.
_CORNERS, _LOWER_LID, _UPPER_LID = (0, 8), slice(2, 7), slice(10, 15)


class EyeContours:
    """Fits the contours of the lids. Not safe to share between threads.

    Args:
        model: path of the TFLite file; fetched by the catalog when None.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._network = read_tflite(model or fetch("eye-contour"))

    def openness(self, image: Image, mesh: Points) -> float:
        """The mean of both eyes' openings; see :meth:`openings`."""
        return float(self.openings(image, mesh).mean())

    def openings(self, image: Image, mesh: Points) -> NDArray[np.float64]:
        """Height over width of the openings: about 0.1 shut, 0.3 open.

        Args:
            image: an RGB frame uint8 [H, W, 3].
            mesh: [468, 3], the mesh of a face in that frame.

        Returns:
            [2], the eye that is left in the image first.
        """
        left = crop(image, eye_region(mesh, _LEFT_EYE))[:, ::-1]
        right = crop(image, eye_region(mesh, _RIGHT_EYE))
        return self._ratios([left, right])

    def _ratios(self, eyes: Sequence[Image]) -> NDArray[np.float64]:
        blob = cv2.dnn.blobFromImages([np.ascontiguousarray(eye) for eye in eyes], 1 / 255)
        self._network.setInput(blob)
        raw = self._network.forward(_CONTOUR_OUTPUT).reshape(len(eyes), _CONTOUR_POINTS, 3)
        points = raw[:, :, :2].astype(np.float64)
        heights = np.linalg.norm(points[:, _UPPER_LID] - points[:, _LOWER_LID], axis=2)
        corner, other = (points[:, index] for index in _CORNERS)
        return np.asarray(heights.mean(axis=1) / np.linalg.norm(other - corner, axis=1))


def eye_region(mesh: Points, corners: tuple[int, int]) -> Alignment:
    """The upright square around one eye of a mesh [468, 3], given the vertices of its corners."""
    left, right = mesh[corners[0], :2], mesh[corners[1], :2]
    along = right - left
    side = max(_MARGIN * float(np.hypot(*along)), 1.0)
    return Alignment.from_parameters(
        (left + right) / 2, side, np.arctan2(along[1], along[0]), INPUT_SIZE
    )
