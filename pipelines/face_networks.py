"""What finding and following people takes of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from videoinv.faces.detect import FaceDetector
from videoinv.faces.embed import FaceEmbedder
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Face, Image, Points


class Detector(Protocol):
    """Finds faces; see :class:`FaceDetector`."""

    def detect(self, image: Image) -> list[Face]:
        """The faces of an image, the largest first."""


class Mesher(Protocol):
    """Fits the mesh; see :class:`FaceMesh`."""

    def fit(self, image: Image, face: Face) -> Points | None:
        """The mesh [468, 3] of a detected face; ``None`` if it is not seen."""

    def track(self, image: Image, mesh: Points) -> Points | None:
        """The mesh of the face that had ``mesh`` in the frame before."""


class Embedder(Protocol):
    """Says who somebody is; see :class:`FaceEmbedder`."""

    def embed(self, images: Sequence[Image], faces: Sequence[Face]) -> Tensor:
        """Unit vectors [B, 128] of one face in each image."""


@dataclass(frozen=True)
class FaceNetworks:
    """The three networks; made once, used by one thread at a time."""

    detector: Detector = field(default_factory=FaceDetector)
    mesh: Mesher = field(default_factory=FaceMesh)
    embedder: Embedder | None = field(default_factory=FaceEmbedder)
    """``None``: nobody is recognised who was away."""
