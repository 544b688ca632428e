"""One number to minimise for every inversion: the recipe's weighted sum of losses."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from videoinv.generators.protocol import Generator
from videoinv.losses.codes import code_distance, delta_norm, mean_distance
from videoinv.losses.feature import feature_reconstruction
from videoinv.losses.identity import IdentityLoss, MultiLayerIdentityLoss
from videoinv.losses.landmarks import LandmarkLoss
from videoinv.losses.lpips import Lpips, load_lpips
from videoinv.losses.parsing import ParsingLoss
from videoinv.losses.perceptual import PerceptualTarget
from videoinv.losses.pixel import squared_error
from videoinv.training.data import Batch
from videoinv.training.recipes import LossWeights, Recipe
from videoinv.training.systems import Inversion

Terms = dict[str, Tensor]
"""Unweighted means over the batch, by name."""


@dataclass(frozen=True)
class LossNetworks:
    """The frozen networks that losses look through."""

    lpips: Lpips
    identity: IdentityLoss
    identity_five: MultiLayerIdentityLoss
    parsing: ParsingLoss = field(default_factory=ParsingLoss)
    landmarks: LandmarkLoss | None = None
    """None where no loss asks for it."""

    @classmethod
    def of(
        cls, recipe: Recipe, device: torch.device, parsing: ParsingLoss | None = None
    ) -> LossNetworks:
        """What the losses of a recipe look through; ``parsing`` is the user's."""
        kinds = (recipe.losses, recipe.codes_losses, recipe.edited_losses)
        landmarks = any(weights.landmarks for weights in kinds)
        return cls(
            load_lpips().to(device),
            IdentityLoss(device=device),
            MultiLayerIdentityLoss(device=device),
            parsing or ParsingLoss(),
            LandmarkLoss(device) if landmarks else None,
        )


class Objective:
    """The losses of one kind of inversion of one batch; its targets are looked at once.

    Args:
        networks: what to look through.
        weights: of the terms.
        generator: for the mean codes and its own features.
        batch: what should be shown.
        side: side in pixels of the inversions' images.
    """

    def __init__(
        self,
        networks: LossNetworks,
        weights: LossWeights,
        generator: Generator,
        batch: Batch,
        side: int,
    ) -> None:
        self._weights, self._generator, self._batch = weights, generator, batch
        targets = F.interpolate(batch.targets, size=(side, side), mode="area")
        self._targets = targets
        self._lpips = (
            PerceptualTarget(networks.lpips, targets, weights.scales) if weights.lpips else None
        )
        five = weights.identity_levels == "five"
        self._identity = networks.identity_five if five else networks.identity
        self._parsing = networks.parsing
        self._landmarks = networks.landmarks if weights.landmarks else None
        assert weights.landmarks == 0 or self._landmarks is not None
        with torch.no_grad():
            self._person = self._identity.target(targets) if weights.identity else ()
            self._parts = self._parsing.target(targets) if weights.parsing else ()
            self._points = self._landmarks.target(targets) if self._landmarks else targets

    def terms(self, inversion: Inversion) -> Terms:
        """Every term whose weight is not zero."""
        weights, image = self._weights, inversion.image
        codes, real = inversion.latent.codes, self._batch.real
        terms: Terms = {}
        if weights.l2:
            terms["l2"] = self._squared_error(image)
        if self._lpips is not None:
            terms["lpips"] = self._lpips.distance(image).mean()
        if weights.identity:
            terms["identity"] = self._identity.distance(image, self._person).mean()
        if self._landmarks is not None:
            terms["landmarks"] = self._landmarks.distance(image, self._points).mean()
        if weights.parsing and self._parsing.active:
            terms["parsing"] = self._parsing.distance(image, self._parts).mean()
        if weights.feature:
            terms["feature"] = feature_reconstruction(self._generator, inversion.latent).mean()
        if weights.delta:
            terms["delta"] = delta_norm(codes).mean()
        if weights.mean:
            terms["mean"] = mean_distance(codes, self._generator.mean_codes).mean()
        if weights.known and real < len(codes):
            terms["known"] = code_distance(codes[real:], self._batch.codes).mean()
        return terms

    def total(self, terms: Terms) -> Tensor:
        """Σ weight · term; 0 where no term applies to the batch."""
        if not terms:
            return torch.zeros((), device=self._targets.device)
        return torch.stack([getattr(self._weights, name) * t for name, t in terms.items()]).sum()

    def _squared_error(self, image: Tensor) -> Tensor:
        errors = squared_error(image, self._targets)
        if self._weights.l2_on == "all":
            return errors.mean()
        return errors[self._batch.real :].sum() / max(1, len(self._batch.codes))
