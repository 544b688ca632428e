"""What each system shows of itself while it is trained: its inversions of a batch, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.files import SYSTEMS as LIGHT
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.restyle import ReStyle
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.published import build_published
from videoinv.training.recipes import Recipe

Role = Literal["codes", "result", "edited"]
Teacher = Callable[[Tensor], Tensor]
"""A trained encoder's codes [B, L, 512] of images [B, 3, S, S]."""


@dataclass(frozen=True)
class Inversion:
    """One image that the system makes of its input."""

    latent: Latent
    image: Tensor
    """[B, 3, side, side]"""
    role: Role
    """``codes``: by the codes alone, where the system has more; ``result``: with all it has;
    ``edited``: with all it has and changed codes."""
    wanted: Tensor | None = None
    """[N, 3, side, side]: what it has to show, where that is not the batch's own images."""


class System(Protocol):
    """An encoder as the training loop sees it."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""

    @property
    def encoder(self) -> Any:
        """The encoder, a frozen dataclass whose ``net`` is :attr:`network`."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def lesson(self, batch: Batch, teacher: Teacher | None) -> tuple[Tensor, Tensor]:
        """Codes [B, L, 512] with gradients, and those that they should be: known or a teacher's."""

    def render(self, latent: Latent) -> Tensor:
        """Images at the encoder's size, made as the encoder makes them."""

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """Groups of inversions; the gradients of each are taken before the next is made."""


class _OneLook(ABC):
    """A system whose first look at an image is all that regression can teach."""

    @abstractmethod
    def codes(self, inputs: Tensor) -> Tensor:
        """The codes [B, L, 512] of a first look."""

    def lesson(self, batch: Batch, teacher: Teacher | None) -> tuple[Tensor, Tensor]:
        """The codes of a first look, and those that they should be."""
        codes = self.codes(batch.inputs)
        if teacher is None:
            return codes, batch.codes
        with torch.no_grad():
            return codes, teacher(batch.inputs)


@dataclass(frozen=True)
class ReStyleSystem:
    """N steps, each seeing the image that the one before it made (§3.2)."""

    encoder: ReStyle
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def lesson(self, batch: Batch, teacher: Teacher | None) -> tuple[Tensor, Tensor]:
        """One step from the mean; with a teacher T every other batch one from elsewhere.

        There the step to learn is half of T(x) − T(G(w)): repeated, it ends at codes whose image T
        reads like x, and stays. A step that is only taught from the mean has no such end, and in a
        video, where every frame begins where many steps have ended, it walks away.
        """
        inputs = batch.inputs
        start, seen = self._mean(inputs), self._average_image(inputs)
        if teacher is None:
            return self.encoder.step(inputs, seen, start), batch.codes
        with torch.no_grad():
            wanted = teacher(inputs)
            if torch.rand(()) < 0.5:
                start = torch.lerp(wanted, wanted.flip(0), torch.rand(len(inputs), 1, 1).to(wanted))
                seen = self.encoder.seen(start)
                wanted = start + (wanted - teacher(seen)) / 2
        return self.encoder.step(inputs, seen, start), wanted

    def render(self, latent: Latent) -> Tensor:
        """ŷ at the encoder's size."""
        return self.encoder.render(latent.codes)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """One per step; neither codes nor images carry gradients into the next."""
        inputs = batch.inputs
        codes, seen = self._begin(inputs)
        for _ in range(self.recipe.restyle_steps):
            codes = self.encoder.step(inputs, seen, codes)
            yield [_of_codes(self, Latent(codes), step, "result")]
            codes = codes.detach()
            with torch.no_grad():
                seen = self.encoder.seen(codes)

    @torch.no_grad()
    def _begin(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The mean codes, or in every other batch those after a few steps; and what they show."""
        most = self.recipe.restyle_before
        before = int(torch.randint(-most, most + 1, ()))
        if before <= 0:
            return self._mean(inputs), self._average_image(inputs)
        self.network.eval()  # its running means are those of the steps that are learnt
        codes = self.encoder.encode(inputs, steps=before).codes.clone()
        self.network.train()
        return codes, self.encoder.seen(codes)

    def _mean(self, inputs: Tensor) -> Tensor:
        return self.encoder.mean_codes.expand(len(inputs), -1, -1)

    def _average_image(self, inputs: Tensor) -> Tensor:
        return self.encoder.average_image.expand(len(inputs), -1, -1, -1)


@dataclass(frozen=True)
class FeatureStyleSystem(_OneLook):
    """Two inversions at once: by the codes alone, and with the features (§4.1).

    A light encoder's second look learns after them, while the first stays as it is.
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
        return _render(self.encoder.generator, latent, self.encoder.input_size)

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """G(w), then G(w) and G(F, w^{K+1:N}), then the second look's G(F, w^{K+1:N}).

        Features that learn from the beginning explain everything before the codes do, and then
        edits have nothing to hold on to. The second look learns nothing of edits: its errors
        would be ten times as large as what it is there to set right.
        """
        if step < self.recipe.stage_steps:
            yield [_of_codes(self, Latent(self.encoder.codes(batch.inputs)), step, "codes")]
            return
        if step >= self.recipe.first_look_steps and self.encoder.default_steps > 1:
            latent = self._second_look(batch.inputs)
            yield [Inversion(latent, self.render(latent), "result")]
            return
        latent = self.encoder.latent(batch.inputs)
        group = [
            _of_codes(self, Latent(latent.codes), step, "codes"),
            Inversion(latent, self.render(latent), "result"),
        ]
        if self.recipe.edit_strength and len(batch.codes):
            group.append(self._edited(latent[-len(batch.codes) :], batch.codes))
        yield group

    def _second_look(self, inputs: Tensor) -> Latent:
        assert isinstance(self.encoder, LightFeatureStyle)
        net = self.encoder.net.requires_grad_(False)
        assert net.second_look is not None
        net.second_look.requires_grad_(True)
        return self.encoder.second_look(inputs, self.encoder.first_look(inputs)).latent

    def _edited(self, latent: Latent, known: Tensor) -> Inversion:
        """Synthetic images under a random edit d, for which G(w* + d) is known to be right.

        Real images have no such target; synthetic ones teach the features to leave room for edits
        (the idea of StyleFeatureEditor, Bobkov et al. 2024, without its second network).
        """
        generator, side = self.encoder.generator, self.encoder.input_size
        noise = torch.randn(len(known), 512).to(known)
        change = self.recipe.edit_strength * (generator.map(noise) - generator.mean_codes).float()
        with torch.no_grad():
            wanted = _render(generator, Latent(known + change), side).clamp(-1, 1)
        moved = latent.with_codes(latent.codes + change)
        return Inversion(moved, _render(generator, moved, side), "edited", wanted)


@dataclass(frozen=True)
class E2StyleSystem(_OneLook):
    """Stage by stage; earlier stages are frozen while a later one learns (§III-B)."""

    encoder: E2Style
    recipe: Recipe

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        return self.encoder.net

    def codes(self, inputs: Tensor) -> Tensor:
        """The first stage's codes."""
        codes: Tensor = self.encoder.net[0](inputs)
        return codes + self.encoder.mean_codes

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
            before = self.encoder.encode(inputs, steps=stage).codes
            seen = torch.cat([inputs, self.encoder.seen(before)], dim=1)
            codes = before + self.encoder.net[stage](seen)
        yield [_of_codes(self, Latent(codes), step, "result")]


@dataclass(frozen=True)
class HyperInverterSystem(_OneLook):
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
            with torch.no_grad():
                codes = self.codes(inputs)
                seen = self.encoder.render(Latent(codes))
            latent = Latent(codes, weight_offsets=self.encoder.net.weight_offsets(inputs, seen))
        yield [_of_codes(self, latent, step, "result")]


def _of_codes(system: System, latent: Latent, step: int, role: Role) -> Inversion:
    """An image without features: small in most steps, and now and then at the encoder's size."""
    encoder, recipe = system.encoder, system.recipe
    if step % recipe.full_every == 0 or recipe.small_side >= encoder.input_size:
        image = system.render(latent)
    else:
        image = _render(encoder.generator, latent, recipe.small_side)
    return Inversion(latent, image, role)


def _render(generator: Generator, latent: Latent, side: int) -> Tensor:
    return generator.synthesize(latent.to(dtype=generator.dtype), side).float()


_SYSTEMS: dict[str, Any] = {
    "restyle": ReStyleSystem,
    "feature-style": FeatureStyleSystem,
    "e2style": E2StyleSystem,
    "hyperinverter": HyperInverterSystem,
}


def build_system(recipe: Recipe, generator: Generator) -> System:
    """A recipe's system over a generator, its trunk at its initial weights, ready to be trained."""
    torch.manual_seed(recipe.seed)
    make = _light if recipe.network == "light" else build_published
    system = system_around(make(recipe, generator), recipe)
    system.network.train().requires_grad_(True)
    return system


def system_around(encoder: Encoder, recipe: Recipe) -> System:
    """A recipe's system with an encoder that is there already."""
    system: System = _SYSTEMS[recipe.system](encoder, recipe)
    return system


def _light(recipe: Recipe, generator: Generator) -> Encoder:
    encoder = LIGHT[recipe.system].build(generator, recipe.size)
    encoder.start_training()
    return encoder
