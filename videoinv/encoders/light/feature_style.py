"""The Feature-Style Encoder on a light trunk: codes and ΔF (Yao et al. 2022), and further looks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.images import Framing, check_images
from videoinv.encoders.light.feature_branch import FeatureBranch, feature_deviation
from videoinv.encoders.light.network import CodesNet, LightSize, row_groups, start_training
from videoinv.encoders.light.next_look import NextLook
from videoinv.encoders.stepwise import Stepwise
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent


class LightFeatureStyleNet(CodesNet):
    """Trunk, codes head, feature branch, and what later looks share if the size has any."""

    def __init__(
        self,
        groups: tuple[int, ...],
        size: LightSize,
        shape: tuple[int, int, int],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(groups, size, device=device)
        self.looks = size.looks
        self.features = FeatureBranch(self.backbone.widths, shape, size.feature_width, size.side)
        if size.looks > 1:
            self.next_look = NextLook(size.feature_width, self.features.cell)


@dataclass(frozen=True)
class Look:
    """What the encoder makes of an image, and what its feature branch holds of it."""

    latent: Latent
    """Codes and ΔF."""
    own: Tensor
    """G(w^{1:K}) [B, C, H, W], which ΔF is added to."""
    hidden: Tensor
    """h of :class:`FeatureBranch`, [B, width, H, W]."""


@dataclass(frozen=True)
class LightFeatureStyle(Stepwise, FeatureStyle):
    """w = E_w(x) + w̄ and ΔF = E_F(x, G(w^{1:K})), added at layer K so that Eq. (1) holds.

    Every further look sees x − ŷ and sets ΔF right; the codes stay as they are.
    """

    net: LightFeatureStyleNet  # type: ignore[assignment]  # the same system on another network

    @classmethod
    def build(cls, generator: Generator, size: LightSize) -> LightFeatureStyle:
        """The encoder for a generator, its weights still random."""
        shape = generator.feature_shape(size.feature_layer)
        net = LightFeatureStyleNet(row_groups(generator), size, shape, generator.device)
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
        return self.net.looks

    @torch.no_grad()
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after every look.

        Args:
            images: [B, 3, H, W] in [−1, 1].
            start: has no meaning here.
            steps: looks; 1 is the paper's one pass, all by default.

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
        while len(looks) < steps:
            looks.append(self.next_look(x, looks[-1]))
        return [look.latent for look in looks]

    def codes(self, x: Tensor) -> Tensor:
        """The codes [B, L, 512] of images at the encoder's size; the branch is not asked."""
        codes: Tensor = self.net(x) + self.mean_codes
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
        codes = self.net.read(maps, self.net.tell(x)) + self.mean_codes
        own = self.generator.features(codes.detach(), self.layer).detach()
        return self._look(codes, own, self.net.features(x.to(maps[0]), maps, own.to(maps[0])))

    def next_look(self, x: Tensor, last: Look) -> Look:
        """The last look's codes with a better ΔF; no gradients reach the last look."""
        hidden = last.hidden.detach()
        error = self._error(x, last).to(hidden)
        return self._look(last.latent.codes.detach(), last.own, self.net.next_look(error, hidden))

    @torch.no_grad()
    def _error(self, x: Tensor, look: Look) -> Tensor:
        """X − ŷ [B, 3, S, S]; the layers up to K, which the looks share, are not run again."""
        assert look.latent.features is not None
        features = Features(look.own + look.latent.features.tensor, self.layer, "replace")
        latent = Latent(look.latent.codes, features)
        return x - self.generator.synthesize(latent, self.input_size).clamp(-1, 1)

    def _look(self, codes: Tensor, own: Tensor, hidden: Tensor) -> Look:
        delta = self.net.features.delta(hidden).float()
        return Look(Latent(codes, Features(delta, self.layer, "add")), own, hidden)
