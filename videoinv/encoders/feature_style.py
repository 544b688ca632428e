"""The Feature-Style Encoder: codes and a feature tensor in one pass (Yao et al. 2022).

Written from the paper. What it leaves open is chosen here:

* the "ResNet backbone" is IR-SE50, the trunk of the encoders it compares itself with;
* each of the four pooled maps is brought to 3×3 cells (``pool``) before it is flattened;
* PReLU follows the batch norm between the two convolutions of the feature branch, and whatever
  halvings lie between the third block's map (32×32) and the generator's features at K are the
  strides of these convolutions;
* with ``residual`` the branch predicts ΔF = F − G(w^{1:K}) in place of F, so that an untrained
  branch of zeros leaves the inversion by codes as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.backbones import Backbone, Pyramid, backbone_like, stem_channels
from videoinv.encoders.images import SQUARE_256, Framing, check_images
from videoinv.encoders.weights import assign, below, numbered
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent

PAPER_LAYER = 4
"""K = 5 of the paper, counted from 0: 16×16×512 in StyleGAN2."""


class FeatureBranch(nn.Sequential):
    """Two convolutions with batch norm in between: the third block's map → F."""

    def __init__(self, channels: int, outputs: int, strides: tuple[int, int]) -> None:
        super().__init__(
            nn.Conv2d(channels, outputs, 3, strides[0], 1),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, strides[1], 1),
        )


class FeatureStyleNet(nn.Module):
    """Images [B, 3, S, S] → rows [B, L, dim] and features [B, C, H, W] (§3.2, Fig. 2).

    Args:
        backbone: the trunk.
        rows: L.
        feature_shape: (C, H, W) of the generator's features at layer K.
        pool: side of the cells that each map of the trunk is averaged to.
        dim: length of a row.
    """

    def __init__(
        self,
        backbone: Backbone,
        rows: int,
        feature_shape: tuple[int, int, int],
        *,
        pool: int = 3,
        dim: int = 512,
        input_size: int = 256,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pool = pool
        self.feature_shape = feature_shape
        self.input_size = input_size
        inputs = sum(backbone.widths) * pool**2
        self.styles = nn.ModuleList(nn.Linear(inputs, dim) for _ in range(rows))
        channels, side, _ = feature_shape
        self.features = FeatureBranch(backbone.widths[2], channels, _strides(input_size // 8, side))

    @classmethod
    def from_state_dict(
        cls,
        state: Mapping[str, Tensor],
        feature_shape: tuple[int, int, int],
        input_size: int = 256,
    ) -> FeatureStyleNet:
        """The network whose tensors ``state`` holds (names of this module), without copying.

        Raises:
            CheckpointError: if its features are not of ``feature_shape``.
        """
        dim, inputs = state["styles.0.weight"].shape
        with torch.device("meta"):
            backbone = backbone_like(below(state, "backbone."))
            network = cls(
                backbone,
                numbered(state, "styles.{}.weight"),
                feature_shape,
                pool=round((inputs / sum(backbone.widths)) ** 0.5),
                dim=dim,
                input_size=input_size,
            )
        return assign(network, state)

    @property
    def channels(self) -> int:
        """Input channels of the stem."""
        return stem_channels(self.backbone)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Codes without their mean, and F or ΔF."""
        maps: Pyramid = self.backbone(images)
        cells = [F.adaptive_avg_pool2d(level, self.pool).flatten(1) for level in maps]
        pooled = torch.cat(cells, dim=1)
        rows = torch.stack([head(pooled) for head in self.styles], dim=1)
        return rows, self.features(self._at_least_feature_size(maps.c2))

    def _at_least_feature_size(self, level: Tensor) -> Tensor:
        """Enlarged first where the generator's features are finer than the third block's map."""
        side = self.feature_shape[1]
        if level.shape[-1] >= side:
            return level
        return F.interpolate(level, (side, side), mode="bilinear", align_corners=False)


def _strides(source: int, side: int) -> tuple[int, int]:
    """How two convolutions share the shrinking from ``source`` to ``side``: the last one first."""
    factor = max(1, source // side)
    last = min(factor, 2)
    return factor // last, last


@dataclass(frozen=True)
class FeatureStyle:
    """w = E_w(x) + w̄ and F = E_F(x), for the generator's layer K."""

    net: FeatureStyleNet
    generator: Generator
    mean_codes: Tensor
    """w̄: [L, 512]."""
    layer: int = PAPER_LAYER
    """K, counted from 0."""
    residual: bool = False
    """The branch predicts ΔF: the latent's features are added and not put in place."""
    framing: Framing = SQUARE_256

    @classmethod
    def untrained(
        cls,
        generator: Generator,
        backbone: Backbone,
        *,
        layer: int = PAPER_LAYER,
        pool: int = 3,
        residual: bool = False,
        input_size: int = 256,
    ) -> FeatureStyle:
        """A fresh encoder for any generator, to be trained."""
        mean = generator.mean_codes
        net = FeatureStyleNet(
            backbone,
            generator.styles,
            generator.feature_shape(layer),
            pool=pool,
            dim=mean.shape[1],
            input_size=input_size,
        )
        return cls(net, generator, mean, layer, residual, Framing(input_size, input_size))

    @property
    def input_size(self) -> int:
        """Side in pixels at which the encoder looks at an image."""
        return self.framing.width

    @property
    def default_steps(self) -> int:
        """One pass is all."""
        return 1

    @torch.no_grad()
    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Codes and features of images [B, 3, H, W] in one pass; ``start`` has no meaning here.

        Raises:
            BadInputError: if ``steps`` is another number than 1, or the images are not RGB batches.
        """
        del start
        if steps not in (None, 1):
            raise BadInputError(f"Feature-Style inverts in one step; got steps={steps}")
        check_images(images, self.net.channels)
        return self.latent(self.framing.fit(images.to(self.mean_codes)))

    def codes(self, x: Tensor) -> Tensor:
        """The codes [B, L, 512] of images at the encoder's size, with gradients."""
        return self.latent(x).codes

    def latent(self, x: Tensor) -> Latent:
        """The latent of images at the encoder's size, with gradients: training runs this line."""
        rows, features = self.net(x)
        mode = "add" if self.residual else "replace"
        return Latent(rows + self.mean_codes, Features(features, self.layer, mode))  # type: ignore[arg-type]
