"""HyperInverter: codes first, then small changes to the generator's weights (Dinh et al. 2022).

Phase I maps the image to one w and its image x̂_w = G(w). Phase II looks at x and x̂_w with one
shared encoder, and one hypernetwork per generator layer turns what it saw into ΔW (§3.3–3.4);
the result is G(w; W + ΔW). Edits move w and keep ΔW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from videoinv.encoders.backbones import Backbone, Pyramid, backbone_like
from videoinv.encoders.heads import (
    FeaturePyramid,
    SingleStyleEncoder,
    halving_convs,
    map_for_row,
)
from videoinv.encoders.hypernetwork import TargetLayer, WeightRegressor, regressors_like
from videoinv.encoders.images import check_images, resize_antialiased, resize_sampled
from videoinv.encoders.stepwise import Stepwise
from videoinv.encoders.weights import assign, below, numbered
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


class LayerWiseEncoder(nn.Module):
    """E₂: pSp's trunk and pyramid, but every row stays a map: [B, L, 512, 8, 8]."""

    def __init__(self, backbone: Backbone, convs: list[int], dim: int = 512) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = FeaturePyramid(backbone.widths)
        self.styles = nn.ModuleList(
            nn.ModuleDict({"convs": halving_convs(backbone.widths[3], dim, count)})
            for count in convs
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, 256, 256] → one map per row."""
        maps: Pyramid = self.backbone(images)
        levels = self.pyramid(maps)
        rows = [head["convs"](map_for_row(i, *levels)) for i, head in enumerate(self.styles)]  # type: ignore[index]
        return torch.stack(rows, dim=1)


class HyperInverterNet(nn.Module):
    """Both phases' networks under their published names."""

    def __init__(
        self,
        w_encoder: SingleStyleEncoder,
        w_bar_encoder: LayerWiseEncoder,
        regressors: Mapping[str, WeightRegressor],
    ) -> None:
        super().__init__()
        self.w_encoder = w_encoder
        self.w_bar_encoder = w_bar_encoder
        self.hypernet = nn.ModuleDict({"weight_regressors": nn.ModuleDict(regressors)})

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor]) -> HyperInverterNet:
        """The networks whose tensors ``state`` holds; D and the layers are read from it."""
        e2 = below(state, "w_bar_encoder.")
        rows = numbered(e2, "styles.{}.convs.0.weight")
        convs = [numbered(e2, f"styles.{row}.convs.{{}}.weight", step=2) for row in range(rows)]
        regressors = below(state, "hypernet.weight_regressors.")
        w_encoder = SingleStyleEncoder.from_state_dict(below(state, "w_encoder."))
        with torch.device("meta"):
            layerwise = LayerWiseEncoder(
                backbone_like(below(e2, "backbone.")), convs, e2["styles.0.convs.0.weight"].shape[0]
            )
            network = cls(w_encoder, layerwise, regressors_like(regressors))
        return assign(network, state)

    @property
    def channels(self) -> int:
        """Input channels of the stem."""
        return self.w_encoder.channels

    def weight_offsets(self, image: Tensor, synthesized: Tensor) -> dict[str, Tensor]:
        """ΔW per generator weight name from x and x̂_w at the encoder's size (Eq. 5)."""
        seen = self.w_bar_encoder(torch.cat([synthesized, image]))
        of_synthesized, of_image = seen.chunk(2)
        offsets = {}
        for key, regressor in self.hypernet["weight_regressors"].items():  # type: ignore[operator]
            layer = TargetLayer(key)
            offsets[layer.weight_name] = regressor(
                of_synthesized[:, layer.row], of_image[:, layer.row]
            )
        return offsets


@dataclass(frozen=True)
class HyperInverter(Stepwise):
    """Codes in W, and weight offsets in the latent."""

    net: HyperInverterNet
    generator: Generator
    mean_codes: Tensor
    """w̄: [L, 512], the generator's own."""

    input_size: ClassVar[int] = 256
    default_steps: ClassVar[int] = 2

    @torch.no_grad()
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after phase I (codes alone) and phase II (codes and weight offsets).

        Args:
            images: [B, 3, H, W] in [−1, 1].
            start: has no meaning here.
            steps: 1 stops after phase I; 2 by default.

        Raises:
            BadInputError: if ``steps`` is neither 1 nor 2, or the images are not RGB batches.
        """
        del start
        steps = self.default_steps if steps is None else steps
        if steps not in (1, 2):
            raise BadInputError(f"HyperInverter has phases 1 and 2; got steps={steps}")
        check_images(images, self.net.channels)
        x = self.fit(images.to(self.mean_codes))
        phase1 = Latent(self.net.w_encoder(x) + self.mean_codes)
        if steps == 1:
            return [phase1]
        offsets = self.net.weight_offsets(x, self.render(phase1))
        return [phase1, Latent(phase1.codes, weight_offsets=offsets)]

    def fit(self, images: Tensor) -> Tensor:
        """To the generator's resolution with antialiasing, then sampled down without, to 256."""
        side = self.generator.resolution
        return resize_sampled(resize_antialiased(images, side, side), self.input_size)

    def render(self, latent: Latent) -> Tensor:
        """The latent's image at the encoder's size: sampled down like x, not box-averaged."""
        return resize_sampled(self.generator.synthesize(latent), self.input_size)
