"""LPIPS against a target that is looked at once, however many inversions it is compared with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from videoinv.losses.lpips import Lpips


class PerceptualTarget:
    """Images with their LPIPS features at several scales.

    ``distance`` is Eq. (3) of the Feature-Style Encoder,
    Σ_{i < scales} LPIPS(⌊x̃⌋_i, ⌊x⌋_i), ⌊·⌋_i reducing by 2^i; with one scale it is plain LPIPS.

    Args:
        lpips: the network.
        images: the targets, [B, 3, H, W] in [−1, 1].
        scales: how many.
    """

    def __init__(self, lpips: Lpips, images: Tensor, scales: int = 1) -> None:
        self._lpips = lpips
        self._scales = scales
        with torch.no_grad():
            self._targets = [lpips.features(level) for level in self._levels(images)]

    def distance(self, images: Tensor) -> Tensor:
        """The distance of each image [B, 3, H, W] to its target: [B]."""
        levels = zip(self._levels(images), self._targets, strict=True)
        parts = [self._lpips.distance(self._lpips.features(x), target) for x, target in levels]
        return torch.stack(parts).sum(dim=0).float()

    def _levels(self, images: Tensor) -> list[Tensor]:
        reduced = [F.avg_pool2d(images, 2**i) for i in range(1, self._scales)]
        return [images, *reduced]
