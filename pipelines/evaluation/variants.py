"""A model with one of its habits taken away, so that a study can say what the habit is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
from torch import Tensor

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.restyle import ReStyle
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent
from videoinv.model import Model


@dataclass(frozen=True)
class Habits:
    """Which of its habits make a difference to a model."""

    warm: bool = True
    """It refines: where it starts matters."""
    feature_delta: bool = True
    """Its latents have features, which follow edits or do not."""


def habits(model: Model) -> Habits:
    """Those of a model's system; an encoder of another kind is taken to have all."""
    encoder = model.encoder
    if isinstance(encoder, ReStyle):
        return Habits(feature_delta=False)
    if isinstance(encoder, FeatureStyle):
        return Habits(warm=False)
    if isinstance(encoder, (E2Style, HyperInverter)):
        return Habits(warm=False, feature_delta=False)
    return Habits()


def varied(model: Model, *, warm: bool = True, feature_delta: bool = True) -> Model:
    """The model, but for what is switched off.

    Args:
        model: with an encoder.
        warm: otherwise every frame starts from the mean and not from the frame before.
        feature_delta: otherwise the features stay as the source's whatever the edit does to the
            codes: F̃ = F in place of Eq. (1) of the Feature-Style paper.
    """
    generator, encoder = model.generator, model.encoder
    if encoder is None:
        return model  # which says so itself when it is to invert
    if not warm:
        encoder = ColdStart(encoder)
    if not feature_delta:
        encoder = FixedFeatures(encoder, generator)
        generator = cast(Generator, WithoutDelta(generator))
    return replace(model, generator=generator, encoder=encoder)


@dataclass(frozen=True)
class ColdStart:
    """An encoder that is told nothing of the frame before."""

    inner: Encoder

    @property
    def input_size(self) -> int:
        """Of the encoder itself."""
        return self.inner.input_size

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Invert images, each from the mean."""
        return self.inner.encode(images, None, steps)


@dataclass(frozen=True)
class FixedFeatures:
    """An encoder whose added features, ΔF, come out as the features F = G(w^{1:K}) + ΔF."""

    inner: Encoder
    generator: Generator

    @property
    def input_size(self) -> int:
        """Of the encoder itself."""
        return self.inner.input_size

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Invert images; a start with fixed features is brought back to ΔF first."""
        latent = self.inner.encode(images, None if start is None else self._added(start), steps)
        return self._shifted(latent, 1, "replace")

    def _added(self, latent: Latent) -> Latent:
        return self._shifted(latent, -1, "add")

    def _shifted(self, latent: Latent, sign: int, mode: Literal["add", "replace"]) -> Latent:
        """The latent with G(w^{1:K}) added to its features, or taken from them."""
        old = latent.features
        if old is None or old.mode == mode:
            return latent
        with torch.no_grad():
            own = self.generator.features(latent.codes, old.layer, latent.weight_offsets)
        return replace(latent, features=Features(old.tensor + sign * own, old.layer, mode))


@dataclass(frozen=True)
class WithoutDelta:
    """A generator whose features are said to depend on no codes, so that no edit moves them."""

    inner: Generator

    def rows_through(self, layer: int) -> int:
        """None, which is what ``edit_features`` asks."""
        return 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
