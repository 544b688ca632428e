"""From a trunk's maps to codes: map2style blocks, the feature pyramid, and their assembly.

pSp (Richardson et al. 2021, §3) reads three levels of a feature pyramid; ReStyle (Alaluf et al.
2021, §3.3) reads every style from the last map. Module names are the published tensor names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.backbones import Backbone, Pyramid, backbone_like, stem_channels
from videoinv.encoders.weights import assign, below, numbered

COARSE_ROWS = 3
"""Rows 0–2 are read from c3."""
MIDDLE_ROWS = 7
"""Rows 3–6 are read from p2, rows from 7 on from p1."""


class EqualLinear(nn.Module):
    """y = x·(W/√n)ᵀ + b: a linear layer with an equalised learning rate (StyleGAN)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[…, inputs] → […, outputs]."""
        return F.linear(x, self.weight * self.weight.shape[1] ** -0.5, self.bias)


def halving_convs(channels: int, outputs: int, count: int) -> nn.Sequential:
    """``count`` times a 3×3 convolution of stride 2 and a leaky ReLU of slope 0.01."""
    layers: list[nn.Module] = []
    for index in range(count):
        layers += [
            nn.Conv2d(outputs if index else channels, outputs, 3, 2, 1),
            nn.LeakyReLU(0.01),
        ]
    return nn.Sequential(*layers)


class MapToStyle(nn.Module):
    """One row of the codes from one map: halved down to 1×1, then a linear layer."""

    def __init__(self, channels: int, dim: int, count: int) -> None:
        super().__init__()
        self.convs = halving_convs(channels, dim, count)
        self.linear = EqualLinear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, 2^count, 2^count] → [B, dim]."""
        return self.linear(self.convs(x).flatten(1))  # type: ignore[no-any-return]


class FeaturePyramid(nn.Module):
    """c3 handed down to the finer maps: p2 = ↑c3 + conv(c2), p1 = ↑p2 + conv(c1)."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.latlayer1 = nn.Conv2d(widths[2], widths[3], 1)
        self.latlayer2 = nn.Conv2d(widths[1], widths[3], 1)

    def forward(self, maps: Pyramid) -> tuple[Tensor, Tensor, Tensor]:
        """(c3, p2, p1), coarse to fine."""
        p2 = _enlarged(maps.c3, maps.c2) + self.latlayer1(maps.c2)
        p1 = _enlarged(p2, maps.c1) + self.latlayer2(maps.c1)
        return maps.c3, p2, p1


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)


def map_for_row(row: int, c3: Tensor, p2: Tensor, p1: Tensor) -> Tensor:
    """Which level of the pyramid a row of the codes is read from."""
    if row < COARSE_ROWS:
        return c3
    return p2 if row < MIDDLE_ROWS else p1


class StyleEncoder(nn.Module):
    """Trunk, optional feature pyramid, and one map2style block per row: images → [B, L, 512].

    Args:
        backbone: the trunk.
        convs: for every row the number of its convolutions, log2 of its map's side.
        pyramid: read rows from three levels; otherwise all from the last map.
        dim: length of a row; 512 in every published file.
    """

    def __init__(
        self, backbone: Backbone, convs: list[int], *, pyramid: bool, dim: int = 512
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = FeaturePyramid(backbone.widths) if pyramid else None
        channels = backbone.widths[3]
        self.styles = nn.ModuleList(MapToStyle(channels, dim, count) for count in convs)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor]) -> Self:
        """The network whose tensors ``state`` holds (names of this module), without copying."""
        rows = numbered(state, "styles.{}.linear.weight")
        convs = [numbered(state, f"styles.{row}.convs.{{}}.weight", step=2) for row in range(rows)]
        with torch.device("meta"):
            trunk = backbone_like(below(state, "backbone."))
            network = cls(
                trunk,
                convs,
                pyramid="pyramid.latlayer1.weight" in state,
                dim=state["styles.0.linear.weight"].shape[0],
            )
        return assign(network, state)

    @property
    def channels(self) -> int:
        """Input channels of the stem: 6 where the reconstruction is shown beside the image."""
        return stem_channels(self.backbone)

    @property
    def input_size(self) -> int:
        """Side of the image that the first block's convolutions were made for."""
        return 16 << len(self.styles[0].convs) // 2  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] → what to add to the mean codes or the last ones, [B, L, 512]."""
        maps: Pyramid = self.backbone(images)
        levels = self.pyramid(maps) if self.pyramid is not None else (maps.c3,) * 3
        rows = [head(map_for_row(row, *levels)) for row, head in enumerate(self.styles)]
        return self.combine(torch.stack(rows, dim=1))

    def combine(self, rows: Tensor) -> Tensor:
        """The codes from the blocks' outputs [B, L, 512]; in pSp they are the same."""
        return rows


class ProgressiveStyleEncoder(StyleEncoder):
    """e4e's reading of the same blocks (Tov et al. 2021, §4): one code, and an offset per row."""

    def combine(self, rows: Tensor) -> Tensor:
        """Row i is the first block's code plus its own block's offset."""
        return torch.cat([rows[:, :1], rows[:, :1] + rows[:, 1:]], dim=1)


class SingleStyleEncoder(nn.Module):
    """Trunk → global mean → linear: one row for all, an image in W (HyperInverter's phase I)."""

    def __init__(self, backbone: Backbone, dim: int = 512) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = EqualLinear(backbone.widths[3], dim)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor]) -> SingleStyleEncoder:
        """The network whose tensors ``state`` holds (names of this module), without copying."""
        with torch.device("meta"):
            trunk = backbone_like(below(state, "backbone."))
            network = cls(trunk, dim=state["linear.weight"].shape[0])
        return assign(network, state)

    @property
    def channels(self) -> int:
        """Input channels of the stem."""
        return stem_channels(self.backbone)

    @property
    def input_size(self) -> int:
        """Side of the image in pixels; the global mean would take any, the weights want 256."""
        return 256

    def forward(self, images: Tensor) -> Tensor:
        """[B, 1, 512]."""
        maps: Pyramid = self.backbone(images)
        return self.linear(maps.c3.mean(dim=(2, 3))).unsqueeze(1)  # type: ignore[no-any-return]
