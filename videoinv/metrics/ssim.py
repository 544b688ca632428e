"""SSIM (Wang et al. 2004, "Image Quality Assessment: From Error Visibility to …")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of image pairs, [B, C, H, W] in [0, 1] each, H, W ≥ 11 → [B].

    Eq. (13) of the paper with its constants K₁ = 0.01 and K₂ = 0.03 and its Gaussian window of
    11×11, σ = 1.5; the mean over channels and over all windows that lie inside the image. The
    local variances are the biased ones, as there.
    """
    mean_a, mean_b = _windowed(a), _windowed(b)
    variance_a = _windowed(a * a) - mean_a**2
    variance_b = _windowed(b * b) - mean_b**2
    covariance = _windowed(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).flatten(1).mean(dim=1)


def _windowed(x: Tensor) -> Tensor:
    """The Gaussian-weighted mean around every pixel whose window lies inside."""
    distance = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    taps = torch.exp(-(distance**2) / (2 * SIGMA**2))
    taps = (taps / taps.sum()).repeat(x.shape[1], 1, 1, 1)
    x = F.conv2d(x, taps.transpose(2, 3), groups=x.shape[1])
    return F.conv2d(x, taps, groups=x.shape[1])
