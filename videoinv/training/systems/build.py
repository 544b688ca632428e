"""A recipe's system, with a new encoder or around one that is there already."""

from __future__ import annotations

from typing import Any

import torch

from videoinv.encoders.light.files import SYSTEMS as LIGHT
from videoinv.encoders.protocol import Encoder
from videoinv.generators.protocol import Generator
from videoinv.training.published import build_published
from videoinv.training.recipes import Recipe
from videoinv.training.systems.e2style import E2StyleSystem
from videoinv.training.systems.feature_style import FeatureStyleSystem
from videoinv.training.systems.hyperinverter import HyperInverterSystem
from videoinv.training.systems.protocol import System
from videoinv.training.systems.restyle import ReStyleSystem

_SYSTEMS: dict[str, Any] = {
    "restyle": ReStyleSystem,
    "feature-style": FeatureStyleSystem,
    "e2style": E2StyleSystem,
    "hyperinverter": HyperInverterSystem,
}


def build_system(recipe: Recipe, generator: Generator) -> System:
    """A recipe's system over a generator, its trunk at its initial weights, ready to be trained.

    Raises:
        BadInputError: if the generator is not one that the system can be trained for.
    """
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
