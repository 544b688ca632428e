"""The Feature-Style Encoder while it is trained: codes, features, edits and later looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.recipes import Recipe
from videoinv.training.synthetic import random_codes
from videoinv.training.systems.protocol import Inversion
from videoinv.training.systems.shared import (
    frozen,
    of_codes,
    render,
    without_gradients,
)


@dataclass(frozen=True)
class FeatureStyleSystem:
    """Two inversions at once: by the codes alone, and with the features (§4.1).

    A light encoder's later looks learn after them, while the first stays as it is.
    """

    encoder: FeatureStyle
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def codes(self, inputs: Tensor) -> Tensor:
        """The codes."""
        return self.encoder.codes(inputs)

    def render(self, latent: Latent) -> Tensor:
        """At the encoder's size."""
        return render(self.encoder.generator, latent, self.encoder.input_size)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """G(w), then G(w) and G(F, w^{K+1:N}), then a later look's G(F, w^{K+1:N}).

        Features that learn from the beginning explain everything before the codes do, and then
        edits have nothing to hold on to. Later looks learn nothing of edits: their errors would
        be ten times as large as what these are there to set right.
        """
        if step < self.recipe.stage_steps:
            yield [of_codes(self, Latent(self.encoder.codes(batch.inputs)), step, "codes")]
            return
        if step >= self.recipe.first_look_steps and self.encoder.default_steps > 1:
            latent = self._later_look(batch.inputs)
            yield [Inversion(latent, self.render(latent), "result")]
            return
        latent = self.encoder.latent(batch.inputs)
        group = [
            of_codes(self, Latent(latent.codes), step, "codes"),
            Inversion(latent, self.render(latent), "result"),
        ]
        if self.recipe.edit_strength and len(batch.codes):
            group.append(self._edited(latent[-len(batch.codes) :], batch.codes))
        yield group

    def _later_look(self, inputs: Tensor) -> Latent:
        """Any look but the first, each as often: they share their weights."""
        assert isinstance(self.encoder, LightFeatureStyle)
        net = self.encoder.net.requires_grad_(False)
        net.next_look.requires_grad_(True)
        with frozen(net):
            look = self.encoder.first_look(inputs)
            for _ in range(int(torch.randint(net.looks - 1, ()))):
                look = self.encoder.next_look(inputs, look)
        return self.encoder.next_look(inputs, look).latent

    def _edited(self, latent: Latent, known: Tensor) -> Inversion:
        """Synthetic images under a random edit d, for which G(w* + d) is known to be right.

        Real images have no such target; synthetic ones teach the features to leave room for edits
        (the idea of StyleFeatureEditor, Bobkov et al. 2024, without its second network).
        """
        generator, side = self.encoder.generator, self.encoder.input_size
        away = random_codes(generator, len(known)) - generator.mean_codes
        change = self.recipe.edit_strength * away.float()
        with without_gradients():
            wanted = render(generator, Latent(known + change), side).clamp(-1, 1)
        moved = latent.with_codes(latent.codes + change)
        return Inversion(moved, render(generator, moved, side), "edited", wanted)
