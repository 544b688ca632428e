"""The training loop: batches → inversions → losses → one update, and a checkpoint now and then."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.light.efficientnet import EfficientNetLite0
from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError, CheckpointError
from videoinv.generators.protocol import Generator
from videoinv.losses.adversarial import ImageDiscriminator, LatentDiscriminator
from videoinv.losses.codes import code_distance
from videoinv.training.adversary import Adversary
from videoinv.training.checkpoint import Change, Checkpoint, recipe_changes
from videoinv.training.data import Batch, TrainingData
from videoinv.training.narrow import SEEN_TO_CHOOSE
from videoinv.training.objective import LossNetworks, Objective
from videoinv.training.optimiser import (
    Average,
    make_optimiser,
    rate_at,
    set_rates,
    trunk_parameters,
)
from videoinv.training.recipes import LossWeights, Recipe
from videoinv.training.start import begin_smaller, start_from
from videoinv.training.synthetic import random_codes
from videoinv.training.systems import Inversion, Role, System, Teacher, build_system
from videoinv.training.systems.shared import without_gradients
from videoinv.training.transplant import SEEN_TO_READ, transplant
from videoinv.training.workers import Workers

FACES_AT_ONCE = 8
Values = dict[str, float]


class Trainer:
    """A run of a recipe; all that changes from step to step is in its checkpoint.

    Args:
        recipe: what to compute.
        generator: frozen.
        networks: what the losses look through, on the generator's device.
        data: batches for the recipe's losses.
        regression: batches of synthetic faces for the warm-up.
        bfloat16: compute the encoder and the losses in mixed precision.
        workers: this process among those that train together.
        system: what to train, where it is not to be begun anew.
        teacher: another encoder. The warm-up then learns its codes on the recipe's own batches,
            photographs among them, in place of known codes.
    """

    def __init__(
        self,
        recipe: Recipe,
        generator: Generator,
        networks: LossNetworks,
        data: TrainingData,
        regression: TrainingData,
        *,
        bfloat16: bool = False,
        workers: Workers | None = None,
        system: System | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.recipe, self.generator = recipe, generator
        self.system = system or build_system(recipe, generator)
        self.step, self.seconds = 0, 0.0
        self._networks, self._data, self._teacher = networks, data, teacher
        self._regression = regression if teacher is None else data
        self._bfloat16, self._workers = bfloat16, workers or Workers()
        self._parameters = list(self.system.network.parameters())
        self._trunk = trunk_parameters(self.system.network)
        self._optimiser = make_optimiser(self.system.network, recipe.optimisation)
        self._average = Average(self.system.network, recipe.optimisation.average)
        self._weights: dict[Role, LossWeights] = {
            "codes": recipe.codes_losses,
            "result": recipe.losses,
            "edited": recipe.edited_losses,
        }
        self._adversaries = _adversaries(recipe, generator, self._workers)
        self._update_each = recipe.system == "restyle" and recipe.update == "step"

    @property
    def encoder(self) -> Encoder:
        """The encoder with the averaged weights: what is evaluated and exported."""
        encoder: Encoder = replace(self.system.encoder, net=self._average.network)
        return encoder

    def train(self) -> Iterator[Values]:
        """Step after step until the recipe's last one; yields what each step measured."""
        how = self.recipe.optimisation
        while self.step < how.steps:
            warming = self.step < self.recipe.regression
            if 0 < self.step == self.recipe.regression:
                # Image losses have other gradients than codes: Adam's moments would mislead.
                self._optimiser = make_optimiser(self.system.network, how)
            source = self._regression if warming else self._data
            count = 1 if warming else how.accumulate
            batches = source.batches(self.step * count)
            last = self.recipe.regression if warming else how.steps
            while self.step < min(last, how.steps):
                begin = time.monotonic()
                values = self._one_step([next(batches) for _ in range(count)], warming=warming)
                self.step += 1
                self.seconds += time.monotonic() - begin
                yield values

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        Checkpoint(
            step=self.step,
            seconds=self.seconds,
            network=self.system.network.state_dict(),
            average=self._average.network.state_dict(),
            optimiser=self._optimiser.state_dict(),
            adversaries={name: a.state_dict() for name, a in self._adversaries.items()},
            random=torch.get_rng_state(),
            recipe=json.dumps(asdict(self.recipe)),
        ).save(path)

    def start(self, trained: nn.Module, trunk: EfficientNetLite0 | None = None) -> list[float]:
        """Begin with the trunk and the codes head of another light encoder.

        A smaller head of another system begins as nearly as it can (``narrow.py``).

        Args:
            trained: its network.
            trunk: one to put in place of its own first (``transplant.py``).

        Returns:
            how much of what each reader of that trunk read before it reads now; nothing without it.

        Raises:
            BadInputError: if that trunk cannot take the place of any.
        """
        explained = [] if trunk is None else transplant(trained, trunk, self._faces(SEEN_TO_READ))
        start_from(self.system.network, trained)
        begin_smaller(self.system.network, trained, lambda: self._faces(SEEN_TO_CHOOSE))
        self._average.network.load_state_dict(self.system.network.state_dict())
        return explained

    def _faces(self, count: int) -> Sequence[Tensor]:
        """So many inputs, in batches."""
        return torch.split(self._data.faces(count), FACES_AT_ONCE)

    def resume(self, path: Path) -> list[Change]:
        """Go on from a checkpoint; returns the settings that its recipe had otherwise.

        Raises:
            CheckpointError: if the file is none of a training run, or its network is another
                generator's.
            BadInputError: if its recipe has another network.
        """
        saved = Checkpoint.load(path)
        changes = recipe_changes(saved.recipe, self.recipe)
        changed = {change.name for change in changes}
        try:
            self.system.network.load_state_dict(saved.network)
            self._average.network.load_state_dict(saved.average)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise CheckpointError(
                f"{path} holds the network of another generator ({reason}): go on with the "
                "generator that the run began with, or begin a new run in another folder"
            ) from error
        if "optimisation-optimiser" not in changed:  # another kind begins anew
            try:
                self._optimiser.load_state_dict(saved.optimiser)
            except ValueError as error:
                raise CheckpointError(
                    f"{path} is a checkpoint of another version of videoinv, whose optimiser had "
                    "other groups: begin a new run with --start-from in another folder"
                ) from error
        # So does a discriminator that the recipe asks for since then, or at another size.
        kept = self._adversaries.keys() & saved.adversaries.keys()
        for name in kept - ({"image"} if "mixture-size" in changed else set()):
            self._adversaries[name].load_state_dict(saved.adversaries[name])
        torch.set_rng_state(saved.random)
        self.step, self.seconds = saved.step, saved.seconds
        return changes

    def _one_step(self, batches: list[Batch], *, warming: bool) -> Values:
        before = 0 if warming else self.recipe.regression
        rate = rate_at(self.step, self.recipe.optimisation, before)
        set_rates(self._optimiser, rate, self.recipe.optimisation)
        for parameter in self._trunk:
            parameter.requires_grad_(self.step >= self.recipe.optimisation.trunk_after)
        values: Values = {"rate": rate}
        accumulated = 1 if self._update_each else len(batches)
        for batch in batches:
            passes = self._regress(batch) if warming else self._invert(batch, accumulated)
            for measured in passes:
                values |= measured
                if self._update_each:
                    self._update()
        if not self._update_each:
            self._update()
        self._average.update(self.system.network, self.step)
        return values

    def _regress(self, batch: Batch) -> Iterator[Values]:
        """Codes alone against known ones or the teacher's: cheap, for nothing is rendered."""
        with self._mixed():
            wanted = batch.codes
            if self._teacher is not None:
                with without_gradients():
                    wanted = self._teacher(batch.inputs)
            loss = code_distance(self.system.codes(batch.inputs), wanted).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        yield {"regression": float(loss.detach())}

    def _invert(self, batch: Batch, accumulated: int) -> Iterator[Values]:
        """What is measured after each backward pass; every group of inversions has one.

        The caller may update the network in between: a group is made only when it is its turn.
        """
        objectives: dict[str, Objective] = {}
        with self._mixed():
            groups = self.system.inversions(batch, self.step)
        while True:
            values: Values = {}
            with self._mixed():
                group = next(groups, None)
                if group is None:
                    return
                loss = torch.zeros((), device=batch.inputs.device)
                for inversion in group:
                    loss = loss + self._loss(inversion, batch, objectives, values)
            if not loss.requires_grad:
                raise BadInputError(
                    f"no loss of the recipe teaches anything in step {self.step}: adversarial ones "
                    f"set in at step {self.recipe.adversary_after}, 'known' needs synthetic faces "
                    "and 'parsing' a network; give another one a weight"
                )
            (loss / accumulated).backward()  # type: ignore[no-untyped-call]
            yield values

    def _loss(
        self,
        inversion: Inversion,
        batch: Batch,
        objectives: dict[str, Objective],
        values: Values,
    ) -> Tensor:
        role, side = inversion.role, inversion.image.shape[-1]
        weights = self._weights[role]
        if inversion.wanted is not None:
            batch = Batch(inversion.wanted, inversion.wanted, inversion.latent.codes.detach())
        if role not in objectives:
            objectives[role] = Objective(self._networks, weights, self.generator, batch, side)
        terms = objectives[role].terms(inversion)
        values |= {f"{role}/{name}": float(term.detach()) for name, term in terms.items()}
        return objectives[role].total(terms) + self._adversarial(inversion, weights, batch, values)

    def _adversarial(
        self, inversion: Inversion, weights: LossWeights, batch: Batch, values: Values
    ) -> Tensor:
        """The weighted adversarial terms; the discriminators are trained on the way."""
        total = torch.zeros((), device=batch.inputs.device)
        if self.step < self.recipe.adversary_after:
            return total
        if weights.latent_adversarial:
            real = random_codes(self.generator, len(batch.inputs)).float().flatten(0, 1)
            fake = inversion.latent.codes.float().flatten(0, 1)
            total = total + weights.latent_adversarial * self._oppose("codes", real, fake, values)
        if weights.image_adversarial:
            real, fake = self._as_discriminated(batch.targets, inversion.image.float())
            term = self._oppose("image", real, fake, values)
            total = total + weights.image_adversarial * term
        return total

    def _as_discriminated(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Both at the discriminator's side, and the real ones no sharper than a small fake."""
        side = self.recipe.mixture.size
        return _resized(_resized(real, min(fake.shape[-1], side)), side), _resized(fake, side)

    def _oppose(self, name: str, real: Tensor, fake: Tensor, values: Values) -> Tensor:
        adversary = self._adversaries[name]
        values[f"adversary/{name}"] = adversary.update(real, fake, self.step)
        return adversary.term(fake)

    def _update(self) -> None:
        """One step of the optimiser from the gradients at hand; none where they are not finite."""
        self._workers.average_gradients(self._parameters)
        clip = self.recipe.optimisation.clip
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, clip or float("inf"))
        if norm.isfinite():
            self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)

    def _mixed(self) -> torch.autocast:
        device = self.generator.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self._bfloat16)


def _resized(images: Tensor, side: int) -> Tensor:
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def _adversaries(recipe: Recipe, generator: Generator, workers: Workers) -> dict[str, Adversary]:
    """The discriminators that the recipe's weights ask for."""
    made: dict[str, Adversary] = {}
    kinds = (recipe.losses, recipe.codes_losses, recipe.edited_losses)
    if any(weights.latent_adversarial for weights in kinds):
        network = LatentDiscriminator().to(generator.device)
        made["codes"] = Adversary(network, recipe.optimisation, workers)
    if any(weights.image_adversarial for weights in kinds):
        image = ImageDiscriminator(recipe.mixture.size).to(generator.device)
        made["image"] = Adversary(image, recipe.optimisation, workers)
    return made
