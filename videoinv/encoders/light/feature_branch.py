"""The feature branch of the light Feature-Style encoder: what the codes leave out, as ΔF."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.generators.protocol import Generator

SAMPLES = 16


class FeatureBranch(nn.Module):
    """Image, maps and G(w^{1:K}) → h, the branch's own view of the rest [B, width, H, W] → ΔF.

    The paper's branch predicts F from the trunk alone (§3.2). ΔF = F − G(w^{1:K}) depends on what
    the codes show already, so this one sees the generator's own features too, and begins at
    ΔF = 0. Everything is in units of the features' standard deviation per channel.

    Args:
        widths: channels of the trunk's maps, fine to coarse.
        shape: (C, H, W) of the generator's features.
        width: inner channels.
        image_size: side of the image that the encoder sees.
    """

    deviation: Tensor

    def __init__(
        self, widths: Sequence[int], shape: tuple[int, int, int], width: int, image_size: int
    ) -> None:
        super().__init__()
        channels, self.side, _ = shape
        self.cell = image_size // self.side
        self.image = nn.Conv2d(3 * self.cell**2, width, 1)
        strides = [4 << level for level in range(len(widths))]
        self.folds = [max(1, self.cell // stride) for stride in strides]
        self.maps = nn.ModuleList(
            nn.Conv2d(channels_in * fold**2, width, 1)
            for channels_in, fold in zip(widths, self.folds, strict=True)
        )
        self.own = nn.Conv2d(channels, width, 1)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]
        self.register_buffer("deviation", torch.ones(channels, 1, 1))

    def forward(self, image: Tensor, maps: Sequence[Tensor], own: Tensor) -> Tensor:
        """The h of the image [B, 3, S, S], its maps and the generator's features [B, C, H, W]."""
        x = self.image(F.pixel_unshuffle(image, self.cell)) + self.own(own / self.deviation)
        for layer, fold, level in zip(self.maps, self.folds, maps, strict=True):
            x = x + self._brought(layer(F.pixel_unshuffle(level, fold)))
        x = F.leaky_relu(x, 0.2)
        x = x + F.leaky_relu(self.first(x), 0.2)
        return x + F.leaky_relu(self.second(x), 0.2)

    def folded(self, index: int, level: Tensor) -> Tensor:
        """What the layer of a map would see at the features' side: it may be applied there, too."""
        return self._brought(F.pixel_unshuffle(level, self.folds[index]))

    def _brought(self, x: Tensor) -> Tensor:
        size = (self.side, self.side)
        return F.interpolate(x, size, mode="bilinear", align_corners=False)

    def delta(self, hidden: Tensor) -> Tensor:
        """ΔF [B, C, H, W] of h."""
        delta: Tensor = self.last(hidden) * self.deviation
        return delta


@torch.no_grad()
def feature_deviation(generator: Generator, layer: int) -> Tensor:
    """Standard deviation of each channel of the generator's features, [C, 1, 1]; fixed seed."""
    z = torch.randn(SAMPLES, 512, generator=torch.Generator().manual_seed(0))
    features = generator.features(generator.map(z), layer)
    return features.std(dim=(0, 2, 3)).clamp(min=1e-3)[:, None, None].cpu()
