"""The two convolutional trunks of the published encoders: IR-SE50 for faces, ResNet34 for the rest.

Both give four maps c0 … c3, each at half the side of the one before (128, 64, 32, 16 for an image
of 256), with ``width`` · 1, 2, 4, 8 channels (64, 128, 256, 512). Module names are the published
tensor names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Pyramid(NamedTuple):
    """The four maps of a trunk, fine to coarse: [B, width · 2^i, H / 2^(i+1), W / 2^(i+1)]."""

    c0: Tensor
    c1: Tensor
    c2: Tensor
    c3: Tensor


class SqueezeExcite(nn.Module):
    """Channel attention: global mean → bottleneck → sigmoid gate (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The map, its channels gated: [B, C, H, W]."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(mean))))


class ImprovedResidual(nn.Module):
    """One unit of IR-SE50 (ArcFace, Deng et al. 2019): BN → conv → PReLU → conv → BN → SE.

    The shortcut is a plain subsampling where the channels stay, 1×1 conv and BN where they grow;
    nothing follows the sum.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if channels_in != channels_out:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels_out, 3, 1, 1, bias=False),
            nn.PReLU(channels_out),
            nn.Conv2d(channels_out, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            SqueezeExcite(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C_in, H, W] → [B, C_out, H / stride, W / stride]."""
        return self.res_layer(x) + self.shortcut_layer(x)  # type: ignore[no-any-return]


class BasicBlock(nn.Module):
    """One block of ResNet34 (He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C_in, H, W] → [B, C_out, H / stride, W / stride]."""
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.downsample(x))


class IRSE50(nn.Module):
    """IR-SE50 without its identity head.

    Args:
        channels: of the input: 3, or 6 for an image with its reconstruction beside it.
        width: channels of the first map; 64 in every published file.
        levels: how many of the four maps to build; E2Style never runs the last three units.
    """

    units = (3, 4, 14, 3)

    def __init__(self, channels: int = 3, width: int = 64, levels: int = 4) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(width),
        )
        self.widths = tuple(width << level for level in range(4))
        strides = (2,) * levels
        self.body = _body(ImprovedResidual, width, self.widths, self.units[:levels], strides)

    def forward(self, images: Tensor) -> Pyramid:
        """The four maps of images [B, C, H, W]; needs all four levels."""
        return Pyramid(*self.maps(images))

    def maps(self, images: Tensor) -> list[Tensor]:
        """The maps of as many levels as were built, fine to coarse, in the weights' dtype."""
        stem: Tensor = self.input_layer[0].weight  # type: ignore[assignment]
        return _taps(self.body, self.units, self.input_layer(images.to(stem)))


class ResNet34(nn.Module):
    """ResNet34 without pooling at its stem and with a PReLU there, for domains other than faces."""

    units = (3, 4, 6, 3)

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.PReLU(width)
        self.widths = tuple(width << level for level in range(4))
        self.body = _body(BasicBlock, width, self.widths, self.units, (1, 2, 2, 2))

    def forward(self, images: Tensor) -> Pyramid:
        """The four maps of images [B, C, H, W]."""
        x = self.relu(self.bn1(self.conv1(images.to(self.conv1.weight))))
        return Pyramid(*_taps(self.body, self.units, x))


Backbone = IRSE50 | ResNet34


def backbone_like(state: Mapping[str, Tensor], levels: int = 4) -> Backbone:
    """The trunk whose tensors ``state`` holds, told by its stem; weights are not copied.

    Args:
        state: tensors under the trunk's own names (``input_layer.0.weight`` or ``conv1.weight``).
        levels: how many maps of IR-SE50 to build.
    """
    stem = state.get("input_layer.0.weight")
    if stem is not None:
        return IRSE50(stem.shape[1], stem.shape[0], levels)
    stem = state["conv1.weight"]
    return ResNet34(stem.shape[1], stem.shape[0])


def stem_channels(backbone: Backbone) -> int:
    """Channels of the image a trunk takes: 6 with a reconstruction beside it."""
    layer = backbone.input_layer[0] if isinstance(backbone, IRSE50) else backbone.conv1
    stem: Tensor = layer.weight  # type: ignore[assignment]
    return stem.shape[1]


def _body(
    unit: type[ImprovedResidual] | type[BasicBlock],
    channels: int,
    widths: Sequence[int],
    units: Sequence[int],
    strides: Sequence[int],
) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for width, count, stride in zip(widths, units, strides, strict=False):
        blocks.append(unit(channels, width, stride))
        blocks += [unit(width, width, 1) for _ in range(count - 1)]
        channels = width
    return nn.Sequential(*blocks)


def _taps(body: nn.Sequential, units: Sequence[int], x: Tensor) -> list[Tensor]:
    """The output of the last unit of every level that ``body`` has."""
    ends = {sum(units[: level + 1]) - 1 for level in range(len(units))}
    taps = []
    for index, block in enumerate(body):
        x = block(x)
        if index in ends:
            taps.append(x)
    return taps
