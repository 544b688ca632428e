"""Identity: unit embeddings of faces, whose cosine says whether two pictures show one person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.errors import BadInputError, CheckpointError
from videoinv.faces.align import crop, to_tensor
from videoinv.faces.mobilefacenet import INPUT_SIZE, MobileFaceNet
from videoinv.faces.types import Alignment, Face, Image, Points

ARCFACE_TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""[5, 2]: where the five points lie in a 112-pixel crop (Deng et al., "ArcFace", 2019)."""
FFHQ_POINTS = np.array(
    [[0.3773, 0.4646], [0.6227, 0.4646], [0.5, 0.6236], [0.3898, 0.7197], [0.6102, 0.7197]]
)
"""[5, 2]: the mean places of the five points in FFHQ-aligned faces, as fractions of the side."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class FaceEmbedder:
    """MobileFaceNet: 128-d unit embeddings.

    Cosines are about 0.8 for one person and below 0.35 for two, and not comparable with those
    of other networks such as ArcFace or CurricularFace.

    Args:
        model: path of the weights; fetched by the catalog when None.
        device: where the network runs.
    """

    def __init__(self, model: Path | None = None, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._network = _load(model or fetch("mobilefacenet")).to(self.device)
        self._mean = torch.tensor(_IMAGENET_MEAN, device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(_IMAGENET_STD, device=self.device).view(1, 3, 1, 1)

    @torch.no_grad()
    def embed(self, images: Sequence[Image], faces: Sequence[Face]) -> Tensor:
        """Embeddings [B, 128] of one face in each RGB image, aligned by its five points."""
        if not images:
            return torch.empty(0, 128, device=self.device)
        crops = [
            crop(image, arcface_alignment(face.landmarks))
            for image, face in zip(images, faces, strict=True)
        ]
        return self._unit(to_tensor(crops, self.device))

    def embed_crops(self, crops: Tensor) -> Tensor:
        """Embeddings [B, 128] of FFHQ-aligned crops [B, 3, S, S] in [−1, 1], S ≥ 64.

        The inner box is fixed, not fitted to each face, so that source, inversion and edited
        crops of one frame are compared under one alignment. Differentiable, for losses.

        Raises:
            BadInputError: if the tensor has another shape.
        """
        return self._unit(inner_crop(crops.to(self.device), ARCFACE_BOX, INPUT_SIZE))

    def _unit(self, images: Tensor) -> Tensor:
        normalised = (images.float() * 0.5 + 0.5 - self._mean) / self._std
        return F.normalize(self._network(normalised))


def arcface_alignment(landmarks: Points) -> Alignment:
    """The 112-pixel alignment whose crop has the five points [5, 2] nearest to the template.

    The similarity is the least-squares one: with the points as complex numbers, centred, the
    factor is ⟨p, t⟩ / ⟨p, p⟩.
    """
    middle, target = landmarks.mean(axis=0), ARCFACE_TEMPLATE.mean(axis=0)
    points = (landmarks - middle) @ [1, 1j]
    template = (ARCFACE_TEMPLATE - target) @ [1, 1j]
    factor = np.vdot(points, template) / np.vdot(points, points).real
    offset = ((INPUT_SIZE - 1) / 2 - target) @ [1, 1j] / factor
    return Alignment.from_parameters(
        middle + np.array([offset.real, offset.imag]),
        INPUT_SIZE / abs(factor),
        float(-np.angle(factor)),
        INPUT_SIZE,
    )


def inner_crop(crops: Tensor, box: Points, size: int) -> Tensor:
    """A fixed box of square crops [B, 3, S, S], resized with antialiasing to [B, 3, size, size].

    Args:
        crops: FFHQ-aligned images, S ≥ 64.
        box: [4], left, top, right, bottom as fractions of the side.
        size: the side of what comes back.

    Raises:
        BadInputError: if the tensor has another shape.
    """
    side = crops.shape[-1]
    if crops.dim() != 4 or crops.shape[1] != 3 or crops.shape[2] != side or side < 64:
        raise BadInputError(f"crops must be [B, 3, S, S] with S ≥ 64, not {list(crops.shape)}")
    left, top, right, bottom = (round(float(edge) * side) for edge in box)
    return F.interpolate(
        crops[:, :, top:bottom, left:right],
        size=(size, size),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )


def _box_in_unit_crop() -> Points:
    # The unit crop's corners are its edges: pixel centres of a 1-pixel crop are at ½.
    quad = arcface_alignment(FFHQ_POINTS).quad
    return np.concatenate([quad.min(axis=0), quad.max(axis=0)])


ARCFACE_BOX = _box_in_unit_crop()
"""[4]: the ArcFace crop inside an FFHQ-aligned one, as fractions of the side."""


def _load(path: Path) -> MobileFaceNet:
    network = MobileFaceNet()
    try:
        network.load_state_dict(read_checkpoint(path).data)
    except (CheckpointError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not hold MobileFaceNet's weights: {error}") from error
    return network.eval().requires_grad_(False)
