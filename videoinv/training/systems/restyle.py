"""ReStyle while it is trained: steps from the mean codes, or from those of earlier steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videoinv.encoders.restyle import ReStyle
from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.recipes import Recipe
from videoinv.training.systems.protocol import Inversion
from videoinv.training.systems.shared import frozen, of_codes


@dataclass(frozen=True)
class ReStyleSystem:
    """N steps, each seeing the image that the one before it made (§3.2)."""

    encoder: ReStyle
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def codes(self, inputs: Tensor) -> Tensor:
        """The codes after a step from the mean."""
        return self.encoder.stepper(inputs)(self.encoder.average_image, self._mean(inputs))

    def render(self, latent: Latent) -> Tensor:
        """ŷ at the encoder's size."""
        return self.encoder.render(latent.codes)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """One per step; neither codes nor images carry gradients into the next."""
        inputs = batch.inputs
        codes, seen = self._begin(inputs)
        next_codes = self.encoder.stepper(inputs)
        for _ in range(self.recipe.restyle_steps):
            codes = next_codes(seen, codes)
            yield [of_codes(self, Latent(codes), step, "result")]
            codes = codes.detach()
            with torch.no_grad():
                seen = self.encoder.seen(codes)

    def _begin(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The mean codes, or in every other batch those after a few steps; and what they show."""
        most = self.recipe.restyle_before
        before = int(torch.randint(-most, most + 1, ()))
        # The running statistics are those of the steps that are learnt.
        with frozen(self.network):
            if before <= 0:
                return self._mean(inputs), self.encoder.average_image
            codes = self.encoder.encode(inputs, steps=before).codes.clone()
            return codes, self.encoder.seen(codes)

    def _mean(self, inputs: Tensor) -> Tensor:
        return self.encoder.mean_codes.expand(len(inputs), -1, -1)
