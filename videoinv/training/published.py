"""The papers' own networks at full size, with random weights, to be trained."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from videoinv.encoders.backbones import IRSE50
from videoinv.encoders.e2style import E2Style, HeadShape, StageEncoder, Stages
from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.heads import COARSE_ROWS, MIDDLE_ROWS, SingleStyleEncoder, StyleEncoder
from videoinv.encoders.hyperinverter import HyperInverter, HyperInverterNet, LayerWiseEncoder
from videoinv.encoders.hypernetwork import TargetLayer, WeightRegressor
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.restyle import ReStyle
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.training.recipes import Recipe

HIDDEN = 256
"""D of HyperInverter's hypernetworks (§4.1 of its paper)."""


def build_published(recipe: Recipe, generator: Generator) -> Encoder:
    """The paper's encoder of a recipe's system for a generator.

    Raises:
        BadInputError: if the generator is not one that the system can be trained for.
    """
    encoder = _BUILDERS[recipe.system](recipe, generator)
    encoder.net.to(generator.device)  # type: ignore[attr-defined]
    return encoder


def _restyle(recipe: Recipe, generator: Generator) -> Encoder:
    net = StyleEncoder(IRSE50(6), [4] * generator.styles, pyramid=False)
    return ReStyle(net, generator, generator.mean_codes.float())


def _feature_style(recipe: Recipe, generator: Generator) -> Encoder:
    return FeatureStyle.untrained(generator, IRSE50())


def _e2style(recipe: Recipe, generator: Generator) -> Encoder:
    heads = paper_heads(generator.styles)
    stages = Stages(
        StageEncoder(IRSE50(6 if stage else 3, levels=3), heads)
        for stage in range(recipe.size.stages)
    )
    return E2Style(stages, generator, generator.mean_codes.float())


def paper_heads(rows: int) -> list[HeadShape]:
    """Rows and cells per level: of 18 rows, 9 from 7², 5 from 5² and 4 from 3² (§III-A)."""
    fine, middle = rows * 4 // 18, rows * 5 // 18
    return [HeadShape(rows - middle - fine, 7), HeadShape(middle, 5), HeadShape(fine, 3)]


def _hyperinverter(recipe: Recipe, generator: Generator) -> Encoder:
    if not isinstance(generator, StyleGAN2):
        raise BadInputError(
            f"the published HyperInverter changes StyleGAN2's weights; got a "
            f"{type(generator).__name__}: train the default variant for it"
        )
    rows = range(generator.styles)
    convs = [1 if row < COARSE_ROWS else 2 if row < MIDDLE_ROWS else 3 for row in rows]
    regressors = {
        name.removeprefix("synthesis.").replace(".", "_"): _regressor(name, weight.shape)
        for name, weight in generator.named_parameters()
        if name.endswith((".conv0.weight", ".conv1.weight", ".torgb.weight"))
    }
    net = HyperInverterNet(
        SingleStyleEncoder(IRSE50()), LayerWiseEncoder(IRSE50(), convs), regressors
    )
    return HyperInverter(net, generator, generator.mean_codes.float())


def _regressor(name: str, shape: torch.Size) -> WeightRegressor:
    """One hypernetwork with the paper's initialisation: Kaiming matrices, zero biases."""
    outputs, inputs = shape[:2]
    layer = TargetLayer(name.removeprefix("synthesis.").replace(".", "_"))
    taps = layer.kernel**2
    sizes = {
        "fusion.0.weight": torch.Size([512, 1024]),
        "feature_extractor.0.weight": torch.Size([64, 512]),
        "w1": torch.Size([HIDDEN, inputs * HIDDEN]),
        "b1": torch.Size([inputs * HIDDEN]),
        "w2": torch.Size([HIDDEN, outputs * taps]),
        "b2": torch.Size([outputs * taps]),
    }
    regressor = WeightRegressor(sizes, layer.kernel)
    nn.init.kaiming_normal_(regressor.w1)
    nn.init.kaiming_normal_(regressor.w2)
    nn.init.zeros_(regressor.b1)
    nn.init.zeros_(regressor.b2)
    return regressor


_BUILDERS: dict[str, Callable[[Recipe, Generator], Encoder]] = {
    "restyle": _restyle,
    "feature-style": _feature_style,
    "e2style": _e2style,
    "hyperinverter": _hyperinverter,
}
