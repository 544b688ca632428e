"""EfficientNet-Lite0, the light trunk: EfficientNet-B0 with ReLU6 and without squeeze-and-excite.

Tan & Le, "EfficientNet", 2019, Table 1; the Lite variants, 2020. Images come in [−1, 1], which
is within 1 % of the normalisation that the published ImageNet weights were trained with.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.torchfile import read_checkpoint

CATALOG_NAME = "efficientnet-lite0"


class Stage(NamedTuple):
    """One row of the paper's Table 1."""

    kernel: int
    expansion: int
    channels: int
    repetitions: int
    stride: int


STEM_CHANNELS = 32
STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 6, 24, 2, 2),
    Stage(5, 6, 40, 2, 2),
    Stage(3, 6, 80, 3, 2),
    Stage(5, 6, 112, 3, 1),
    Stage(5, 6, 192, 4, 2),
    Stage(3, 6, 320, 1, 1),
)
LEVEL_STAGES = (1, 2, 4, 6)
"""The stages after which a map is taken: the last ones at strides 4, 8, 16 and 32."""
WIDTHS = tuple(STAGES[stage].channels for stage in LEVEL_STAGES)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: where it is odd, the larger part follows."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] → [B, O, ⌈H / stride⌉, ⌈W / stride⌉]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] == pads[2] == pads[3]:
            return F.conv2d(x, self.weight, None, self.stride, pads[0], 1, self.groups)
        return F.conv2d(F.pad(x, pads), self.weight, None, self.stride, 0, 1, self.groups)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> SameConv:
    return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedResidual(nn.Module):
    """1×1 widening, depthwise convolution, 1×1 narrowing; the identity added where it fits."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        self.expands = stage.expansion > 1
        if self.expands:
            self.expand_conv = _convolution(inputs, hidden, 1)
            self.bn0 = _norm(hidden)
        self.depthwise_conv = _convolution(hidden, hidden, stage.kernel, stride, groups=hidden)
        self.bn1 = _norm(hidden)
        self.project_conv = _convolution(hidden, stage.channels, 1)
        self.bn2 = _norm(stage.channels)
        self.adds = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] → [B, O, H / stride, W / stride]."""
        y = F.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = F.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        out: Tensor = x + y if self.adds else y
        return out


class EfficientNetLite0(nn.Module):
    """The trunk without its classifier; batch norms keep their published statistics.

    Statistics of four pictures would be noise, and statistics of the training mixture would not
    be those of a clip.

    Args:
        levels: how many of the four maps to build; three leave out 80 % of the weights.
    """

    def __init__(self, levels: int = 4) -> None:
        super().__init__()
        self.conv_stem = _convolution(3, STEM_CHANNELS, 3, 2)
        self.bn0 = _norm(STEM_CHANNELS)
        self.blocks = nn.ModuleList()
        self.ends: list[int] = []
        """The block after which each map is taken."""
        width = STEM_CHANNELS
        for index, stage in enumerate(STAGES[: LEVEL_STAGES[levels - 1] + 1]):
            for repetition in range(stage.repetitions):
                stride = 1 if repetition else stage.stride
                self.blocks.append(InvertedResidual(width, stage, stride))
                width = stage.channels
            if index in LEVEL_STAGES:
                self.ends.append(len(self.blocks) - 1)
        self.eval()

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps, fine to coarse."""
        return WIDTHS[: len(self.ends)]

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: the statistics are not trained, the weights are."""
        del mode
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The maps of images [B, 3, S, S] in [−1, 1]: [B, width, S / stride, S / stride] each."""
        x = F.relu6(self.bn0(self.conv_stem(images.to(self.conv_stem.weight))))
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.ends:
                maps.append(x)
        return maps


@torch.no_grad()
def load_imagenet(trunk: EfficientNetLite0) -> None:
    """Start from the published ImageNet weights.

    Raises:
        FetchError: the weights are not cached and cannot be fetched.
    """
    published = read_checkpoint(fetch(CATALOG_NAME)).data
    state = {_renamed(name): tensor for name, tensor in published.items()}
    trunk.load_state_dict({name: state[name] for name in trunk.state_dict()})


def _renamed(name: str) -> str:
    """``_blocks.3._bn1.weight`` → ``blocks.3.bn1.weight``."""
    return ".".join(part.removeprefix("_") for part in name.split("."))
