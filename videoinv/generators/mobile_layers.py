"""The layers of MobileStyleGAN: styled convolutions and the inverse Haar transform.

The published graph has demodulation folded into its weights as constants, and fixed noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STYLE_DIM = 512
SLOPE = 0.2
"""Of the leaky ReLU everywhere."""


class MappingNetwork(nn.Module):
    """z → w: pixel norm, then eight times a linear layer, leaky ReLU and a gain of √2."""

    def __init__(self, depth: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(STYLE_DIM, STYLE_DIM) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        """[B, 512] → [B, 512]."""
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE) * 2**0.5
        return w


class Style(nn.Linear):
    """w → one scale per channel, the affine layer A of StyleGAN."""

    def __init__(self, channels: int) -> None:
        super().__init__(STYLE_DIM, channels)


def styled_pointwise(
    x: Tensor, weight: Tensor, style: Tensor, bias: Tensor, offset: Tensor | None = None
) -> Tensor:
    """A 1×1 convolution of style-scaled features, as one matrix product per image.

    Scaling the small weight instead of the features saves a pass over memory, which is what
    this network waits for.

    Args:
        x: [B, I, H, W].
        weight: [O, I].
        style: [B, I].
        bias: [O].
        offset: ΔW [B, O, I], added to the weight before it is styled.
    """
    styled = (weight if offset is None else weight + offset) * style[:, None, :]
    y = torch.baddbmm(bias[:, None], styled, x.flatten(2))
    return y.reshape(len(y), -1, *x.shape[2:])


def inverse_haar(bands: Tensor) -> Tensor:
    """The orthonormal inverse Haar transform: [B, 4C, H, W] → [B, C, 2H, 2W].

    The first C channels are the low band; then each channel's three high bands follow
    (vertical, horizontal, diagonal). Every output pixel is a signed half-sum of the four bands,
    so the transform is two butterflies and a pixel shuffle.
    """
    channels = bands.shape[1] // 4
    low = bands[:, :channels] * 0.5
    high = bands[:, channels:].reshape(len(bands), channels, 3, *bands.shape[2:]) * 0.5
    vertical, horizontal, diagonal = high.unbind(2)
    even, odd = low + vertical, low - vertical
    even_step, odd_step = horizontal + diagonal, horizontal - diagonal
    corners = [even + even_step, even - even_step, odd + odd_step, odd - odd_step]
    return F.pixel_shuffle(torch.stack(corners, dim=2).flatten(1, 2), 2)


class HeadConv(nn.Module):
    """The first layer: a full 3×3 convolution of the style-scaled constant input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.style = Style(channels)
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.zeros(1, 1, 4, 4))

    noise: Tensor

    def forward(self, x: Tensor, w: Tensor, offset: Tensor | None = None) -> Tensor:
        """[B, C, 4, 4], [B, 512], ΔW [B, C, C, 3, 3] → [B, C, 4, 4]."""
        x = x * self.style(w)[:, :, None, None]
        if offset is None:
            y = F.conv2d(x, self.weight, self.bias, padding=1)
        else:
            y = _conv_per_image(x, self.weight + offset) + self.bias[:, None, None]
        return F.leaky_relu(y + self.noise, SLOPE)


def _conv_per_image(x: Tensor, weights: Tensor) -> Tensor:
    """A 3×3 convolution with each image's own weights [B, O, I, 3, 3], as one grouped one."""
    batch = len(x)
    y = F.conv2d(x.flatten(0, 1)[None], weights.flatten(0, 1), padding=1, groups=batch)
    return y.reshape(batch, -1, *y.shape[2:])


class SeparableConv(nn.Module):
    """Style · features → depthwise 3×3 → 1×1 → noise, bias, leaky ReLU.

    The style is applied in the 1×1: a depthwise convolution commutes with scaling its channels.
    """

    def __init__(self, before: int, after: int, side: int) -> None:
        super().__init__()
        self.style = Style(before)
        self.depthwise = nn.Parameter(torch.zeros(before, 1, 3, 3))
        self.weight = nn.Parameter(torch.zeros(after, before))
        self.bias = nn.Parameter(torch.zeros(after))
        self.register_buffer("noise", torch.zeros(1, 1, side, side))

    noise: Tensor

    def forward(self, x: Tensor, w: Tensor, offset: Tensor | None = None) -> Tensor:
        """[B, I, H, W], [B, 512], ΔW [B, O, I] → [B, O, H, W]."""
        x = F.conv2d(x, self.depthwise, padding=1, groups=x.shape[1])
        y = styled_pointwise(x, self.weight, self.style(w), self.bias, offset)
        return F.leaky_relu(y + self.noise, SLOPE)


class Block(nn.Module):
    """One doubling: style · features → inverse Haar → two separable convolutions."""

    def __init__(self, before: int, after: int, side: int) -> None:
        super().__init__()
        self.up = Style(before)
        self.conv1 = SeparableConv(before // 4, after, side)
        self.conv2 = SeparableConv(after, after, side)

    def forward(self, x: Tensor, rows: Tensor, offsets: Mapping[str, Tensor]) -> Tensor:
        """[B, I, H, W], rows [B, 3, 512], ΔW by name → [B, O, 2H, 2W]."""
        x = inverse_haar(x * self.up(rows[:, 0])[:, :, None, None])
        x = self.conv1(x, rows[:, 1], offsets.get("conv1.weight"))
        y: Tensor = self.conv2(x, rows[:, 2], offsets.get("conv2.weight"))
        return y


class ToImage(nn.Module):
    """Style · features → 1×1 to 12 wavelet bands → inverse Haar → RGB."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.style = Style(channels)
        self.weight = nn.Parameter(torch.zeros(12, channels))
        self.bias = nn.Parameter(torch.zeros(12))

    def forward(self, x: Tensor, w: Tensor, offset: Tensor | None = None) -> Tensor:
        """[B, C, H, W], [B, 512], ΔW [B, 12, C] → [B, 3, 2H, 2W]."""
        return inverse_haar(styled_pointwise(x, self.weight, self.style(w), self.bias, offset))
