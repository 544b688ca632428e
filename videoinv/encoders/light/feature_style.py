"""The Feature-Style Encoder on a light trunk: codes and ΔF (Yao et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.images import Framing
from videoinv.encoders.light.feature_branch import FeatureBranch, feature_deviation
from videoinv.encoders.light.network import CodesNet, LightSize, row_groups, start_training
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent


class LightFeatureStyleNet(CodesNet):
    """Trunk, codes head and feature branch."""

    def __init__(
        self,
        groups: tuple[int, ...],
        size: LightSize,
        shape: tuple[int, int, int],
    ) -> None:
        super().__init__(groups, size)
        self.features = FeatureBranch(self.backbone.widths, shape, size.feature_width, size.side)


@dataclass(frozen=True)
class LightFeatureStyle(FeatureStyle):
    """w = E_w(x) + w̄ and ΔF = E_F(x, G(w^{1:K})), added at layer K so that Eq. (1) holds."""

    net: LightFeatureStyleNet  # type: ignore[assignment]  # the same system on another network

    @classmethod
    def build(cls, generator: Generator, size: LightSize) -> LightFeatureStyle:
        """The encoder for a generator, its weights still random."""
        shape = generator.feature_shape(size.feature_layer)
        net = LightFeatureStyleNet(row_groups(generator), size, shape)
        net.to(generator.device)
        mean = generator.mean_codes.float()
        framing = Framing(size.side, size.side)
        return cls(net, generator, mean, size.feature_layer, residual=True, framing=framing)

    def start_training(self) -> None:
        """ImageNet weights, the generator's W and its features' scale."""
        start_training(self.net, self.generator)
        self.net.features.deviation.copy_(feature_deviation(self.generator, self.layer))

    def codes(self, x: Tensor) -> Tensor:
        """The codes [B, L, 512] of images at the encoder's size; the branch is not asked."""
        codes: Tensor = self.net.codes(self.net.backbone(x)) + self.mean_codes
        return codes

    def latent(self, x: Tensor) -> Latent:
        """The latent of images at the encoder's size, with gradients: training runs this line.

        The branch looks at G(w^{1:K}) and does not move it: codes have to learn from what they
        show by themselves.
        """
        maps = self.net.backbone(x)
        codes = self.net.codes(maps) + self.mean_codes
        fixed = codes.detach().to(self.generator.dtype)
        own = self.generator.features(fixed, self.layer).detach()
        delta = self.net.features(x.to(maps[0]), maps, own.to(maps[0]))
        return Latent(codes, Features(delta.float(), self.layer, "add"))
