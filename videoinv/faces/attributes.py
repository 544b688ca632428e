"""Scores of aligned faces: what directions are fitted to and edits are judged by.

Scores are continuous and do not saturate: logits rather than probabilities, and ratios of
distances. Their units differ; compare changes of one score, not scores with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from videoinv.faces.align import to_images
from videoinv.faces.embed import inner_crop
from videoinv.faces.expression import EXPRESSIONS, AgeGenderNetwork, ExpressionNetwork
from videoinv.faces.eyes import EyeContours
from videoinv.faces.face_api import INPUT_SIZE as NETWORK_SIZE
from videoinv.faces.head_pose import head_pose
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.mesh_measures import mouth_open, mouth_smile
from videoinv.faces.types import Image, Points

Scores = NDArray[np.float64]

# Larger crops are reduced to this side, so that a score does not depend on the crop's size.
_SIDE = 256
_BATCH = 16
# The box that the two networks see, as fractions of an FFHQ-aligned crop's side.
_NETWORK_BOX = np.array([0.15, 0.15, 0.85, 0.85])
# Over 400 FFHQ-framed faces the log odds of "happy" spread by 11, and the mouth's measure is
# 0.68 + 0.0094 · log odds: with these both halves of the smile have the same unit and zero.
_HAPPY_SPREAD = 11.0
_MOUTH_ZERO, _MOUTH_SPREAD = 0.68, 0.104


@dataclass(frozen=True, eq=False)
class Attributes:
    """The scores of B faces, each [B]; NaN in all of them where no mesh was found."""

    smile: Scores
    """Mean of the log odds of "happy" and the mouth's shape, both in units of their spread over
    FFHQ-framed faces: about −1.5 neutral or frowning, 0 undecided, 2 a broad smile."""
    age: Scores
    """Years, as they look to the network, which flatters: 10 to 60 rather than 0 to 90."""
    gender: Scores
    """Logit: positive reads as female, negative as male."""
    eyes_open: Scores
    """Height over width of the eye openings, both eyes averaged: 0.1 shut, 0.3 open."""
    mouth_open: Scores
    """Gap of the inner lips over the distance of the eyes: 0 shut, about 0.7 wide open."""
    yaw: Scores
    """Degrees; positive when the nose points to the right side of the image."""
    pitch: Scores
    """Degrees; positive when the face looks up."""
    roll: Scores
    """Degrees; positive when the head leans clockwise. Alignment keeps it near 0."""

    def __getitem__(self, name: str) -> Scores:
        """The scores called ``name``, one of ``ATTRIBUTES``.

        Raises:
            KeyError: if there is no such attribute.
        """
        if name not in ATTRIBUTES:
            raise KeyError(f"no attribute '{name}'; there are {', '.join(ATTRIBUTES)}")
        scores: Scores = getattr(self, name)
        return scores

    def array(self) -> Scores:
        """All scores [B, len(ATTRIBUTES)], in the order of ``ATTRIBUTES``."""
        return np.stack([self[name] for name in ATTRIBUTES], axis=1)


ATTRIBUTES: tuple[str, ...] = tuple(field.name for field in fields(Attributes))


class AttributeScorer:
    """Scores FFHQ-aligned crops. Not safe to share between threads.

    Args:
        device: where the expression, age and gender networks run; the mesh and the contours of
            the eyes run on the CPU.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._expression = ExpressionNetwork.load().to(self.device)
        self._age_gender = AgeGenderNetwork.load().to(self.device)
        self._mesh = FaceMesh()
        self._eyes = EyeContours()

    @torch.no_grad()
    def score(self, crops: Tensor) -> Attributes:
        """The attributes of FFHQ-aligned crops [B, 3, S, S] in [−1, 1], S ≥ 64.

        Raises:
            BadInputError: if the tensor has another shape.
        """
        rows = [
            self._score_batch(_reduced(crops[start : start + _BATCH]))
            for start in range(0, len(crops), _BATCH)
        ]
        return Attributes(*np.concatenate([np.empty((0, len(ATTRIBUTES))), *rows]).T)

    def _score_batch(self, crops: Tensor) -> Scores:
        faces = inner_crop(crops.to(self.device), _NETWORK_BOX, NETWORK_SIZE)
        happy = _log_odds(self._expression(faces), EXPRESSIONS.index("happy"))
        years, gender = self._age_gender(faces)
        networks = torch.stack([happy, years, gender], dim=1).double().cpu().numpy()
        images = to_images(crops)
        faces_seen = zip(networks, images, self._mesh.fit_aligned(images), strict=True)
        return np.stack([self._row(*face) for face in faces_seen])

    def _row(self, networks: Scores, image: Image, mesh: Points | None) -> Scores:
        """One face's scores in the order of ``ATTRIBUTES``."""
        if mesh is None:
            return np.full(len(ATTRIBUTES), np.nan)
        happy, years, gender = networks
        mouth = (mouth_smile(mesh) - _MOUTH_ZERO) / _MOUTH_SPREAD
        smile = (happy / _HAPPY_SPREAD + mouth) / 2
        eyes = self._eyes.openness(image, mesh)
        pose = head_pose(mesh)
        return np.array(
            [smile, years, gender, eyes, mouth_open(mesh), pose.yaw, pose.pitch, pose.roll]
        )


def _log_odds(logits: Tensor, index: int) -> Tensor:
    """Of one class, log p / (1 − p) from logits [B, C]: unlike p it does not saturate."""
    others = torch.cat([logits[:, :index], logits[:, index + 1 :]], dim=1)
    return logits[:, index] - torch.logsumexp(others, dim=1)


def _reduced(crops: Tensor) -> Tensor:
    if crops.shape[-1] <= _SIDE:
        return crops
    return F.interpolate(crops.float(), size=(_SIDE, _SIDE), mode="bilinear", antialias=True)
