"""Networks whose answers are on tape: they have the methods of those that they stand in for.

Only what the networks say is kept, never a decision that was made of it. Who is followed, what is
smoothed and what a frame starts from is worked out again from the same answers, so a run that
goes on after a kill stands exactly where the first one stood.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipelines.cache.latents import latent_of, tensors_of
from pipelines.cache.tape import Tape, Tensors
from pipelines.face_networks import Detector, Embedder, FaceNetworks, Mesher
from videoinv.faces.types import Face, Image, Points
from videoinv.latents import Latent
from videoinv.model import Model


def taped(networks: FaceNetworks, tape: Tape) -> FaceNetworks:
    """The networks with their answers on tape."""
    embedder = networks.embedder
    return FaceNetworks(
        TapedDetector(networks.detector, tape),
        TapedMesh(networks.mesh, tape),
        None if embedder is None else TapedEmbedder(embedder, tape),
    )


class TapedDetector:
    """A detector on tape."""

    def __init__(self, detector: Detector, tape: Tape) -> None:
        self._detector, self._tape = detector, tape

    def detect(self, image: Image) -> list[Face]:
        """See :class:`Detector`."""
        rows = self._tape.play("detect", lambda: _rows(self._detector.detect(image)))["faces"]
        return [_face(row) for row in rows.numpy()]


class TapedMesh:
    """A mesh network on tape."""

    def __init__(self, mesh: Mesher, tape: Tape) -> None:
        self._mesh, self._tape = mesh, tape

    def fit(self, image: Image, face: Face) -> Points | None:
        """See :class:`Mesher`."""
        return _points(self._tape.play("fit", lambda: _found(self._mesh.fit(image, face))))

    def track(self, image: Image, mesh: Points) -> Points | None:
        """See :class:`Mesher`."""
        return _points(self._tape.play("track", lambda: _found(self._mesh.track(image, mesh))))


class TapedEmbedder:
    """An embedder on tape."""

    def __init__(self, embedder: Embedder, tape: Tape) -> None:
        self._embedder, self._tape = embedder, tape

    def embed(self, images: Sequence[Image], faces: Sequence[Face]) -> Tensor:
        """See :class:`Embedder`."""
        return self._tape.play(
            f"embed {len(faces)}", lambda: {"embeddings": self._embedder.embed(images, faces)}
        )["embeddings"]


class TapedInverter:
    """The inversion of a :class:`Model` on tape."""

    def __init__(self, model: Model, tape: Tape) -> None:
        self._model, self._tape = model, tape

    def invert(self, images: Tensor, start: Latent | None, steps: int | None) -> Latent:
        """See :meth:`Model.invert`; features have half precision, on tape or not."""

        def compute() -> Tensors:
            return tensors_of(self._model.invert(images, start=start, steps=steps))

        warmth = "cold" if start is None else "warm"
        tensors = self._tape.play(f"invert {len(images)} {warmth} {steps}", compute)
        return latent_of(tensors).to(self._model.generator.device)


def _rows(faces: Sequence[Face]) -> Tensors:
    rows = [np.concatenate([f.box, f.landmarks.reshape(10), [f.score]]) for f in faces]
    return {"faces": torch.from_numpy(np.array(rows, np.float64).reshape(-1, 15))}


def _face(row: Points) -> Face:
    return Face(box=row[:4], landmarks=row[4:14].reshape(5, 2), score=float(row[14]))


def _found(points: Points | None) -> Tensors:
    return {} if points is None else {"points": torch.from_numpy(points)}


def _points(tensors: Tensors) -> Points | None:
    return tensors["points"].numpy() if "points" in tensors else None
