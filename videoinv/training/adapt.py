"""Clip adaptation: an encoder learns the faces of one clip before it inverts them.

Optimisation pays for every frame; a few steps on some of a clip's frames are paid once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.files import SYSTEMS, LightEncoder
from videoinv.errors import BadInputError
from videoinv.faces.types import Image
from videoinv.training.augment import Augmentation
from videoinv.training.data import Mixture, TrainingData
from videoinv.training.loop import Trainer, Values
from videoinv.training.objective import LossNetworks
from videoinv.training.recipes import Recipe, find_recipe
from videoinv.training.systems import system_around

RATE = 1e-4
BATCH = 4


def adapt(
    encoder: LightEncoder,
    crops: Sequence[Image],
    steps: int,
    *,
    bfloat16: bool = False,
    report: Callable[[int, Values], None] = lambda step, values: None,
) -> LightEncoder:
    """An encoder that was fine-tuned on a clip's own faces; the one given stays as it is.

    Args:
        encoder: any light encoder.
        crops: aligned faces of one size, uint8 [S, S, 3].
        steps: of training, on :data:`BATCH` faces each.
        bfloat16: compute the encoder and the losses in mixed precision.
        report: is told each step and its losses.

    Raises:
        BadInputError: if there are no crops, or fewer than one step.
    """
    if steps < 1 or not len(crops):
        raise BadInputError(
            f"adaptation takes at least one step and one face; got {steps} steps and "
            f"{len(crops)} faces"
        )
    recipe = adaptation_recipe(encoder, steps)
    student: LightEncoder = replace(encoder, net=_trainable(encoder.net))  # type: ignore[arg-type]
    device = student.generator.device
    networks = LossNetworks.of(recipe, device)
    data = TrainingData(
        student.generator, crops, recipe.mixture, recipe.augmentation, recipe.sampling
    )
    trainer = Trainer(
        recipe,
        student.generator,
        networks,
        data,
        data,
        bfloat16=bfloat16,
        system=system_around(student, recipe),
    )
    # The same clip gives the same weights, whatever was drawn before; all is drawn on the CPU.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        for values in trainer.train():
            report(trainer.step, values)
    net = trainer.encoder.net.to(next(encoder.net.parameters()).dtype)  # type: ignore[attr-defined]
    return replace(encoder, net=net)


def adaptation_recipe(encoder: LightEncoder, steps: int) -> Recipe:
    """The system's default recipe on real faces alone; E2Style's stages share the steps.

    Half of the steps are the first look's. All later looks share one set of weights, so the other
    half is theirs however many they are. An encoder that looks once has all for its one look.
    """
    system = next(name for name, kind in SYSTEMS.items() if type(encoder) is kind)
    recipe = find_recipe(system)
    how = replace(
        recipe.optimisation,
        rate=RATE,
        trunk=1.0,
        trunk_after=0,
        warmup=min(5, steps),
        steps=steps,
        average=0.9,
    )
    stage_steps = max(1, steps // recipe.size.stages) if system == "e2style" else 0
    return replace(
        recipe,
        mixture=Mixture(BATCH, 0, encoder.input_size),
        augmentation=Augmentation(
            flip=0, framing=0, light=0.05, contrast=0.05, colour=0.05, compression=0.25, blur=0.1
        ),
        optimisation=how,
        regression=0,
        stage_steps=stage_steps,
        first_look_steps=(steps + 1) // 2 if _looks_again(encoder) else steps,
    )


def _looks_again(encoder: LightEncoder) -> bool:
    return isinstance(encoder, LightFeatureStyle) and encoder.default_steps > 1


def _trainable(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).float().train().requires_grad_(True)
