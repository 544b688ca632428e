"""Whether two aligned faces do the same: where their 68 points lie, how open lips and lids are."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videoinv.faces.embed import inner_crop
from videoinv.faces.expression import LandmarkNetwork
from videoinv.faces.face_api import INPUT_SIZE

BOX = np.array([0.1, 0.15, 0.9, 0.95])
"""[4]: the part of an FFHQ-aligned crop that the network sees: all of the face, a little around it.
"""
_EYES = (slice(36, 42), slice(42, 48))
# Points that lie on each other while lips or lids are shut: the inner lips, then both eyes' lids.
_UPPER = (61, 62, 63, 37, 38, 43, 44)
_LOWER = (67, 66, 65, 41, 40, 47, 46)


class LandmarkLoss:
    """L_lm = NME(x̃, x) + the mean difference of the openings, over the distance of the eyes (ours).

    NME is the normalised mean error of face alignment: the mean distance of corresponding points.
    Openings are compared once more by themselves, because a mouth that is half as open moves few of
    the 68 points, and pixels and LPIPS hardly see it at all.

    Args:
        device: where the network runs.

    Raises:
        FetchError: the network is neither cached nor fetched.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._network = LandmarkNetwork.load().to(self.device)

    def target(self, images: Tensor) -> Tensor:
        """The points [B, 68, 2] of FFHQ-aligned crops [B, 3, S, S] in [−1, 1]; differentiable."""
        points: Tensor = self._network(inner_crop(images.to(self.device), BOX, INPUT_SIZE))
        return points

    def distance(self, images: Tensor, target: Tensor) -> Tensor:
        """The loss of each crop against the ``target`` of its source: [B]."""
        points = self.target(images)
        left, right = (target[:, eye].mean(dim=1) for eye in _EYES)
        error = (points - target).norm(dim=2).mean(dim=1)
        opening = (_openings(points) - _openings(target)).norm(dim=2).mean(dim=1)
        relative: Tensor = (error + opening) / (right - left).norm(dim=1)
        return relative


def _openings(points: Tensor) -> Tensor:
    return points[:, _LOWER] - points[:, _UPPER]
