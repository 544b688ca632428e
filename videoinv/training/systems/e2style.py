"""E2Style while it is trained: one stage after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from videoinv.encoders.e2style import E2Style
from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.recipes import Recipe
from videoinv.training.systems.protocol import Inversion
from videoinv.training.systems.shared import frozen, of_codes


@dataclass(frozen=True)
class E2StyleSystem:
    """Stage by stage; earlier stages are frozen while a later one learns (§III-B)."""

    encoder: E2Style
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def codes(self, inputs: Tensor) -> Tensor:
        """The first stage's codes."""
        return self.encoder.stages(inputs)(0, None) + self.encoder.mean_codes

    def render(self, latent: Latent) -> Tensor:
        """At the encoder's size."""
        return self.encoder.render(latent.codes)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """That of the stage whose turn it is."""
        inputs = batch.inputs
        stage = min(step // self.recipe.stage_steps, len(self.encoder.net) - 1)
        if stage == 0:
            codes = self.codes(inputs)
        else:
            with frozen(self.network):
                before = self.encoder.encode(inputs, steps=stage).codes
                seen = self.encoder.seen(before)
            codes = before + self.encoder.stages(inputs)(stage, seen)
        yield [of_codes(self, Latent(codes), step, "result")]
