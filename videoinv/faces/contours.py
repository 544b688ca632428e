"""Where the contours of a face lie in an aligned crop, and how open its eyes are: what it does."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videoinv.faces.align import to_images
from videoinv.faces.eyes import EyeContours
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.mesh_parts import BROWS, EYES, FACE_OVAL, INNER_LIPS, LIPS, NOSE
from videoinv.faces.types import Image, Points

_VERTICES = np.concatenate([FACE_OVAL, LIPS, INNER_LIPS, *EYES, *BROWS, NOSE])
COUNT = 2 * len(_VERTICES) + 2
"""Numbers by which a face is described."""


class FaceContours:
    """Describes FFHQ-aligned crops. Not safe to share between threads.

    The networks behind it have learnt from photographs of real people. They run on the CPU.

    Raises:
        FetchError: one of them is neither cached nor fetched.
    """

    def __init__(self) -> None:
        # A crop is aligned already: a second look moves the mesh by less than a pixel.
        self._mesh = FaceMesh(passes=1)
        self._eyes = EyeContours()

    def __deepcopy__(self, memo: dict[int, object]) -> FaceContours:
        """Another one: OpenCV's networks cannot be copied."""
        return FaceContours()

    def describe(self, crops: Tensor) -> Tensor:
        """The numbers of crops [B, 3, S, S] in [−1, 1]; NaN where no mesh was found.

        Returns:
            [B, COUNT] on the CPU: x and y of the contours of face, lips, eyes, brows and nose as
            parts of the side, and the openings of the eyes, the left one in the image first.
        """
        images = to_images(crops)
        meshes = self._mesh.fit_aligned(images)
        rows = [self._row(*face) for face in zip(images, meshes, strict=True)]
        return torch.from_numpy(np.array(rows).reshape(-1, COUNT)).float()

    def _row(self, image: Image, mesh: Points | None) -> NDArray[np.float64]:
        if mesh is None:
            return np.full(COUNT, np.nan)
        places = (mesh[_VERTICES, :2] + 0.5) / image.shape[0]
        return np.concatenate([places.ravel(), self._eyes.openings(image, mesh)])
