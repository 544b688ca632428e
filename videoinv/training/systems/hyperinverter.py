"""HyperInverter while it is trained: codes, then changes of the generator's weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.recipes import Recipe
from videoinv.training.systems.protocol import Inversion
from videoinv.training.systems.shared import frozen, of_codes


@dataclass(frozen=True)
class HyperInverterSystem:
    """Phase I learns codes in W; phase II, with those frozen, the weights' changes (§3.2)."""

    encoder: HyperInverter
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def codes(self, inputs: Tensor) -> Tensor:
        """Phase I's codes."""
        codes: Tensor = self.encoder.net.w_encoder(inputs)
        return codes + self.encoder.mean_codes

    def render(self, latent: Latent) -> Tensor:
        """At the encoder's size, with the weights' changes if there are any."""
        return self.encoder.render(latent)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """That of the phase whose turn it is."""
        inputs = batch.inputs
        if step < self.recipe.stage_steps:
            latent = Latent(self.codes(inputs))
        else:
            with frozen(self.network):
                codes = self.codes(inputs)
                seen = self.encoder.render(Latent(codes))
            latent = Latent(codes, weight_offsets=self.encoder.net.weight_offsets(inputs, seen))
        yield [of_codes(self, latent, step, "result")]
