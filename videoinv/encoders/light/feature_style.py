"""The Feature-Style Encoder on a light trunk: codes and ΔF (Yao et al. 2022), and a second look."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.images import Framing, check_images
from videoinv.encoders.light.feature_branch import FeatureBranch, feature_deviation
from videoinv.encoders.light.network import CodesNet, LightSize, row_groups, start_training
from videoinv.encoders.light.second_look import SecondLook
from videoinv.encoders.stepwise import Stepwise
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent


class LightFeatureStyleNet(CodesNet):
    """Trunk, codes head, feature branch, and a second look if the size has one."""

    def __init__(
        self,
        groups: tuple[int, ...],
        size: LightSize,
        shape: tuple[int, int, int],
    ) -> None:
        super().__init__(groups, size)
        self.features = FeatureBranch(self.backbone.widths, shape, size.feature_width, size.side)
        self.second_look = (
            SecondLook(size.feature_width, self.features.cell) if size.looks > 1 else None
        )


@dataclass(frozen=True)
class Look:
    """What the encoder makes of an image, and what its feature branch holds of it."""

    latent: Latent
    hidden: Tensor
    """h of :class:`FeatureBranch`, [B, width, H, W]."""


@dataclass(frozen=True)
class LightFeatureStyle(Stepwise, FeatureStyle):
    """w = E_w(x) + w̄ and ΔF = E_F(x, G(w^{1:K})), added at layer K so that Eq. (1) holds.

    A second look sees x − ŷ beside x and sets ΔF right; the codes stay as they are.
    """

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

    @property
    def default_steps(self) -> int:
        """All the looks there are."""
        return 1 if self.net.second_look is None else 2

    @torch.no_grad()
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after every look.

        Args:
            images: [B, 3, H, W] in [−1, 1].
            start: has no meaning here.
            steps: 1 stops after the first look; all by default.

        Raises:
            BadInputError: if there are fewer looks than ``steps``, or the images are no RGB
                batches.
        """
        del start
        steps = self.default_steps if steps is None else steps
        if not 1 <= steps <= self.default_steps:
            raise BadInputError(
                f"this Feature-Style encoder has looks 1 to {self.default_steps}; got steps={steps}"
            )
        check_images(images, self.net.channels)
        x = self.framing.fit(images.to(self.mean_codes))
        looks = [self.first_look(x)]
        if steps > 1:
            looks.append(self.second_look(x, looks[0]))
        return [look.latent for look in looks]

    def codes(self, x: Tensor) -> Tensor:
        """The codes [B, L, 512] of images at the encoder's size; the branch is not asked."""
        codes: Tensor = self.net.codes(self.net.backbone(x)) + self.mean_codes
        return codes

    def latent(self, x: Tensor) -> Latent:
        """The latent of a first look at images of the encoder's size, with gradients."""
        return self.first_look(x).latent

    def first_look(self, x: Tensor) -> Look:
        """Codes and ΔF of images at the encoder's size, with gradients: training runs this line.

        The branch looks at G(w^{1:K}) and does not move it: codes have to learn from what they
        show by themselves.
        """
        maps = self.net.backbone(x)
        codes = self.net.codes(maps) + self.mean_codes
        fixed = codes.detach().to(self.generator.dtype)
        own = self.generator.features(fixed, self.layer).detach()
        return self._look(codes, self.net.features(x.to(maps[0]), maps, own.to(maps[0])))

    def second_look(self, x: Tensor, first: Look) -> Look:
        """The first look's codes with a better ΔF; no gradients reach the first look."""
        assert self.net.second_look is not None
        hidden = first.hidden.detach()
        with torch.no_grad():
            error = x - self.render(first.latent).clamp(-1, 1)
        codes = first.latent.codes.detach()
        return self._look(codes, self.net.second_look(error.to(hidden), hidden))

    def render(self, latent: Latent) -> Tensor:
        """The latent's image at the encoder's size; not clamped."""
        latent = latent.to(dtype=self.generator.dtype)
        return self.generator.synthesize(latent, self.input_size).float()

    def _look(self, codes: Tensor, hidden: Tensor) -> Look:
        delta = self.net.features.delta(hidden)
        return Look(Latent(codes, Features(delta.float(), self.layer, "add")), hidden)
