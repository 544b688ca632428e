"""The 468-point face mesh, run by OpenCV.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import crop
from videoinv.faces.types import Alignment, Face, Image, Points, transform_points

VERTICES = 468
INPUT_SIZE = 192
# The region is 1.5 times the longer side of the mesh's box, as in the published pipeline. Where
# that region lies against YuNet's box: its side over the box's longer side, and its centre's
# place below the box's, as a part of its side (means over 51 frames of video).
MARGIN = 1.5
_BOX_MARGIN, _BOX_LOWER = 1.3, 0.026
# The region in an FFHQ-aligned crop, as fractions of its side: the mean over 400 such faces.
_ALIGNED_CENTER, _ALIGNED_SIDE = np.array([0.5, 0.58]), 0.94
_OUTER_EYE_CORNERS = (33, 263)
_MESH_OUTPUT, _PRESENCE_OUTPUT = "conv2d_20", "conv2d_30"


class FaceMesh:
    """Fits the mesh to a face. Not safe to share between threads.

    Args:
        model: path of the TFLite file; fetched by the catalog when None.
        min_presence: probability that there is a face in the region, below which there is no mesh.
        passes: how often the network looks. From the second on, the region is the one around the
            mesh just found, so that the result depends less on where the detector put its box.
    """

    def __init__(
        self, model: Path | None = None, *, min_presence: float = 0.5, passes: int = 2
    ) -> None:
        self._network = read_tflite(model or fetch("face-mesh"))
        self._min_presence = min_presence
        self._passes = passes

    def fit(self, image: Image, face: Face) -> Points | None:
        """The mesh [468, 3] of a face in an RGB frame, in frame pixels; None if not seen."""
        return self.fit_regions([image], [region_of_face(face)])[0]

    def track(self, image: Image, mesh: Points) -> Points | None:
        """The mesh [468, 3] in this frame of the face that had ``mesh`` in the frame before."""
        return self.fit_regions([image], [region_of_mesh(mesh)])[0]

    def fit_regions(
        self, images: Sequence[Image], regions: Sequence[Alignment]
    ) -> list[Points | None]:
        """The mesh in each image's region, in that image's pixels, or None where none is seen."""
        if not images:
            return []
        meshes, presences = self._look(images, regions)
        for _ in range(self._passes - 1):
            meshes, presences = self._look(images, [region_of_mesh(mesh) for mesh in meshes])
        return [
            mesh if presence >= self._min_presence else None
            for mesh, presence in zip(meshes, presences, strict=True)
        ]

    def fit_aligned(self, crops: Sequence[Image]) -> list[Points | None]:
        """The mesh in each FFHQ-aligned crop, in its pixels, or None; all of one size."""
        if not crops:
            return []
        side = crops[0].shape[0]
        region = Alignment.from_parameters(
            _ALIGNED_CENTER * side - 0.5, _ALIGNED_SIDE * side, 0.0, INPUT_SIZE
        )
        return self.fit_regions(crops, [region] * len(crops))

    def _look(
        self, images: Sequence[Image], regions: Sequence[Alignment]
    ) -> tuple[list[Points], NDArray[np.float64]]:
        crops = [crop(image, region) for image, region in zip(images, regions, strict=True)]
        self._network.setInput(cv2.dnn.blobFromImages(crops, scalefactor=1 / 255))
        raw, logits = self._network.forward([_MESH_OUTPUT, _PRESENCE_OUTPUT])
        vertices = raw.reshape(len(crops), VERTICES, 3).astype(np.float64)
        meshes = [_to_frame(mesh, region) for mesh, region in zip(vertices, regions, strict=True)]
        return meshes, 1 / (1 + np.exp(-logits.reshape(-1).astype(np.float64)))


def region_of_face(face: Face) -> Alignment:
    """The upright square around a detected face that the mesh network looks at."""
    left, top, right, bottom = face.box
    along = face.landmarks[1] - face.landmarks[0]
    rotation = np.arctan2(along[1], along[0])
    side = _BOX_MARGIN * max(right - left, bottom - top)
    down = np.array([-np.sin(rotation), np.cos(rotation)])
    center = np.array([left + right, top + bottom]) / 2 + _BOX_LOWER * side * down
    return Alignment.from_parameters(center, side, rotation, INPUT_SIZE)


def region_of_mesh(mesh: Points) -> Alignment:
    """The upright square around a mesh [468, 3], for the next look at the same face."""
    along = mesh[_OUTER_EYE_CORNERS[1], :2] - mesh[_OUTER_EYE_CORNERS[0], :2]
    along = along / max(np.hypot(*along), 1e-6)
    axes = np.array([along, [-along[1], along[0]]])
    upright = mesh[:, :2] @ axes.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    side = max(MARGIN * (high - low).max(), 1.0)
    return Alignment.from_parameters(
        (low + high) / 2 @ axes, side, np.arctan2(along[1], along[0]), INPUT_SIZE
    )


def _to_frame(mesh: Points, region: Alignment) -> Points:
    # The network counts pixels from the centre of the first one, as we do: meshes of mirrored
    # images agree to a tenth of its pixels.
    planar = transform_points(region.to_frame, mesh[:, :2])
    return np.column_stack([planar, mesh[:, 2] * region.scale / INPUT_SIZE])


def read_tflite(path: Path) -> cv2.dnn.Net:
    """A network from a TFLite file, on an engine that gives all its outputs in one pass."""
    # OpenCV 5's new engine gives one output per pass; the classic one, the only one of
    # OpenCV 4, gives the mesh and the presence together.
    engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    if engine is None:
        return cv2.dnn.readNetFromTFLite(str(path))
    return cv2.dnn.readNetFromTFLite(str(path), engine)
