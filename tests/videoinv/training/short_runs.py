"""Recipes of a few steps on small networks, and what trains them."""

from dataclasses import replace

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.network import LightSize
from videoinv.training.data import Mixture, TrainingData
from videoinv.training.loop import Trainer
from videoinv.training.optimiser import Optimisation
from videoinv.training.photos import Photographs
from videoinv.training.recipes import LossWeights, find_recipe

SMALL = LightSize(
    64,
    HeadSize((8, 8, 8, 8), 16, 24),
    levels=2,
    feature_width=8,
    looks=3,
    vector=8,
    rank=2,
    stages=2,
)
FEW = {"size": SMALL, "mixture": Mixture(1, 1, 64), "regression": 2, "regression_batch": 2}
LOSSES = LossWeights(l2=1.0, lpips=0.5, delta=1e-4)


def recipe(system, **changes):
    how = Optimisation("adam", rate=1e-3, warmup=3, clip=1.0, steps=5)
    short = replace(find_recipe(system), **FEW, losses=LOSSES, codes_losses=LOSSES)
    return replace(short, optimisation=how, restyle_steps=2, stage_steps=4, **changes)


def make(chosen, generator, networks, photo_zip):
    photos = Photographs(photo_zip, 64)
    data, warm = (
        TrainingData(generator, photos, mixture, chosen.augmentation, chosen.sampling, seed=3)
        for mixture in (chosen.mixture, Mixture(0, chosen.regression_batch, 64))
    )
    return Trainer(chosen, generator, networks, data, warm)


def weights(trainer):
    averaged = trainer.encoder.net.state_dict()
    return trainer.system.network.state_dict() | {"mean." + k: v for k, v in averaged.items()}
