"""MobileFaceNet, as the published 128-d weights name its parts.

Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices", 2018, Table 1.
"""

from __future__ import annotations

from torch import Tensor, nn

# Table 1: expansion t, output channels c, repetitions n, stride s of the first of them.
_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
DIMENSIONS = 128
INPUT_SIZE = 112


class MobileFaceNet(nn.Module):
    """Images [B, 3, 112, 112], normalised with ImageNet's mean and deviation → [B, 128]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64, kernel=3, stride=2)
        self.dw_conv = _DepthwiseSeparable(64)
        blocks: list[nn.Module] = []
        channels = 64
        for expansion, out, repetitions, stride in _BOTTLENECKS:
            for index in range(repetitions):
                blocks.append(_Bottleneck(channels, out, expansion, 1 if index else stride))
                channels = out
        self.features = nn.Sequential(*blocks)
        self.conv2 = _convolution(channels, 512, kernel=1)
        self.gdconv = _GlobalDepthwise(512)
        self.conv3 = nn.Conv2d(512, DIMENSIONS, 1)
        self.bn = nn.BatchNorm2d(DIMENSIONS)

    def forward(self, images: Tensor) -> Tensor:
        """The embeddings [B, 128], not yet of unit length."""
        x = self.features(self.dw_conv(self.conv1(images)))
        x = self.gdconv(self.conv2(x))
        embeddings: Tensor = self.bn(self.conv3(x))
        return embeddings.flatten(1)


class _Bottleneck(nn.Module):
    """Inverted residual of MobileNetV2; the identity is added where the shape allows."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.conv = nn.Sequential(
            _convolution(inputs, hidden, kernel=1),
            _convolution(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.residual else out


class _DepthwiseSeparable(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.bn1(self.depthwise(x)))
        return nn.functional.relu(self.bn2(self.pointwise(x)))


class _GlobalDepthwise(nn.Module):
    """Depthwise over the whole 7×7 map, instead of average pooling (§3.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.depthwise(x))
        return out


def _convolution(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )
