"""Real faces: a few frames of the two clips that the catalog can fetch."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import crop, quad_from_mesh, to_tensor
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment


def read_frames(path: Path, indices: set[int]) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        frames = []
        for index, frame in enumerate(container.decode(video=0)):
            if index in indices:
                frames.append(frame.to_ndarray(format="rgb24"))
            if index == max(indices):
                break
    return frames


@pytest.fixture(scope="session")
def man() -> list[np.ndarray]:
    """A man before he smiles, while he smiles, and later in the same smile."""
    return read_frames(fetch("clip-webcam-smile"), {5, 35, 60})


@pytest.fixture(scope="session")
def woman() -> list[np.ndarray]:
    """A woman with her eyes shut, and later with her eyes open."""
    return read_frames(fetch("clip-hand-over-face"), {38, 311})


@pytest.fixture(scope="session")
def covered() -> dict[int, np.ndarray]:
    """The woman by frame: before her hand comes, a fist at her mouth, and fingers
    beside her mouth."""
    indices = [40, 66, 67, 200]
    return dict(zip(indices, read_frames(fetch("clip-hand-over-face"), set(indices)), strict=True))


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="session")
def mesh_fitter() -> FaceMesh:
    return FaceMesh()


@pytest.fixture(scope="session")
def meshes(detector, mesh_fitter, man, woman) -> list[np.ndarray]:
    """Of ``man``, then of ``woman``."""
    return [mesh_fitter.fit(image, detector.detect(image)[0]) for image in [*man, *woman]]


@pytest.fixture(scope="session")
def crops(man, woman, meshes) -> torch.Tensor:
    """Their faces, aligned: [5, 3, 256, 256]."""
    pairs = zip([*man, *woman], meshes, strict=True)
    return to_tensor([crop(i, Alignment(quad_from_mesh(m), 256)) for i, m in pairs])


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
