"""Real faces, from the two clips that the catalog can fetch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import av
import numpy as np
import pytest

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh


def frames_of(clip: str, first: int, last: int) -> list[np.ndarray]:
    with av.open(str(fetch(clip))) as container:
        frames = islice(container.decode(video=0), first, last + 1)
        return [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.fixture(scope="session")
def man_image() -> np.ndarray:
    """A man who looks into his webcam."""
    return frames_of("clip-webcam-smile", 5, 5)[0]


@pytest.fixture(scope="session")
def hand_clip() -> list[np.ndarray]:
    """A woman with a hand beside her mouth, its fingers spread on her cheek."""
    return frames_of("clip-hand-over-face", 195, 200)


@pytest.fixture(scope="session")
def mesh_of() -> Callable[[np.ndarray], np.ndarray]:
    """The mesh [468, 3] of the largest face in an image."""
    detector, fitter = FaceDetector(), FaceMesh()

    def mesh(image: np.ndarray) -> np.ndarray:
        found = fitter.fit(image, detector.detect(image)[0])
        assert found is not None
        return found

    return mesh
