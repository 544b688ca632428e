"""What scoring needs loaded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from stabilization.warping import Array
from videoinv.faces.detect import FaceDetector
from videoinv.faces.embed import FaceEmbedder
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Image
from videoinv.losses.lpips import Lpips, load_lpips

SIDE = 256
"""Side in pixels of the crops that are scored, as in the papers."""
METHODS = {
    "LPIPS": "v0.1 with AlexNet",
    "identity": "MobileFaceNet, 128-d; not comparable with CurricularFace, which the papers use",
    "landmarks": "468-point face mesh, found in each video by itself",
    "optical flow": "DIS (Kroeger et al. 2016) of OpenCV, medium preset, on 256-pixel crops",
    "crops": f"FFHQ framing at {SIDE} px, placed by the source's mesh for both videos",
}
"""Which network or method each number rests on, for reports."""


class DisFlow:
    """Dense inverse search (Kroeger et al. 2016, Fast Optical Flow using Dense Inverse Search)."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, first: Image, second: Image) -> Array:
        """Flow [H, W, 2] in pixels from one RGB image uint8 [H, W, 3] to another."""
        a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second))
        return np.asarray(self._search.calc(a, b, None), np.float32)  # type: ignore[call-overload]


@dataclass(frozen=True, eq=False)
class Networks:
    """Loaded once, used for clip after clip; not safe to share between threads."""

    detector: FaceDetector
    mesh: FaceMesh
    embedder: FaceEmbedder
    lpips: Lpips
    flow: DisFlow
    device: torch.device

    @classmethod
    def load(cls, device: torch.device | str = "cpu") -> Networks:
        """All of them from the catalog; LPIPS and the embedding run on ``device``.

        Raises:
            FetchError: if weights are not cached and cannot be fetched.
        """
        return cls(
            FaceDetector(),
            FaceMesh(),
            FaceEmbedder(device=device),
            load_lpips().to(device),
            DisFlow(),
            torch.device(device),
        )
