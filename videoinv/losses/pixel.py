"""The squared error of pixels, on images in [−1, 1]."""

from __future__ import annotations

from torch import Tensor


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error of each image pair, [B, C, H, W] each → [B], in float32.

    L_mse = ‖G(w) − x‖²  (Eq. 2 of the Feature-Style Encoder, L₂ of pSp and ReStyle), as the mean
    over pixels and channels that all published codes take.
    """
    return (a.float() - b.float()).square().flatten(1).mean(dim=1)
