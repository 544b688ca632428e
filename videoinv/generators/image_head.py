"""Image heads of our own: an image from the features of an inner layer of the generator.

They stand in for the last blocks, so that previews, optimisation and training need not run
them. Fitted by regression against the reduced output of the whole generator.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videoinv.generators.mobile_layers import SLOPE, STYLE_DIM, inverse_haar, styled_pointwise


class ImageHead(nn.Module):
    """Features [B, C, H, W] and the rows that the skipped layers would have used → RGB at 2H.

    A style-modulated 1×1 convolution to 12 wavelet bands, which is what the generator's own last
    layer is, and beside it a narrow non-linear branch for what the skipped blocks would add.
    Every skipped row has a modulation of its own, so that free rows (w⁺) keep their meaning.

    Args:
        channels: C.
        rows: how many rows the skipped layers use.
        width: channels of the non-linear branch.
    """

    def __init__(self, channels: int, rows: int, width: int = 64) -> None:
        super().__init__()
        self.style = RowStyles(rows, channels)
        self.weight = nn.Parameter(torch.randn(12, channels) * channels**-0.5)
        self.bias = nn.Parameter(torch.zeros(12))
        self.branch_style = RowStyles(rows, channels)
        self.narrow = nn.Parameter(torch.randn(width, channels) * channels**-0.5)
        self.narrow_bias = nn.Parameter(torch.zeros(width))
        self.spatial = nn.Conv2d(width, width, 3, padding=1)
        self.bands = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.bands.weight)

    def forward(self, x: Tensor, rows: Tensor) -> Tensor:
        """[B, C, H, W], rows [B, R, 512] → [B, 3, 2H, 2W]."""
        linear = styled_pointwise(x, self.weight, self.style(rows), self.bias)
        y = styled_pointwise(x, self.narrow, self.branch_style(rows), self.narrow_bias)
        y = F.leaky_relu(y, SLOPE)
        y = y + F.leaky_relu(self.spatial(y), SLOPE)
        return inverse_haar(linear + self.bands(y))


class RowStyles(nn.Module):
    """One scale per channel from several rows: an affine map of all of them.

    The map passes through a narrow waist: a full one per row would outweigh the head. It begins
    as the channel's ``gain`` whatever the rows are.
    """

    gain: Tensor

    def __init__(self, rows: int, channels: int, waist: int = 32) -> None:
        super().__init__()
        self.squeeze = nn.Parameter(torch.randn(rows, STYLE_DIM, waist) * STYLE_DIM**-0.5)
        self.expand = nn.Linear(waist, channels)
        nn.init.zeros_(self.expand.weight)
        nn.init.ones_(self.expand.bias)
        self.register_buffer("gain", torch.ones(channels))

    def forward(self, rows: Tensor) -> Tensor:
        """[B, R, 512] → [B, C]."""
        scale: Tensor = self.expand(torch.einsum("brs,rsk->bk", rows, self.squeeze))
        return scale * self.gain
