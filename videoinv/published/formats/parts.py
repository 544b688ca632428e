"""What a checkpoint holds, whatever its published format: tensors under this project's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from videoinv.encoders.weights import below

_TRUNK = re.compile(r"^(input_layer|body|conv1|bn1|relu)\.")


@dataclass(frozen=True)
class Parts:
    """A model taken apart: what every format adapter returns and what conversion writes."""

    system: str
    """``stylegan2`` for a generator alone, otherwise the encoder's: see ``build.SYSTEMS``."""
    generator: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors of a StyleGAN2 in either published naming; empty if the file has none."""
    encoder: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors of the encoder's ``net``; empty if the file has none."""
    mean_codes: Tensor | None = None
    """w̄ as the encoder was trained with it, [L, 512] or [512]; ``None``: the generator's own."""
    settings: Mapping[str, int] = field(default_factory=dict)
    """What the shapes cannot tell, such as the height of the frame."""


def published(state: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    """An encoder's tensors from below ``prefix``, under this project's names.

    The published encoders are flat where ours name their trunk and their pyramid.
    """
    names = {}
    for name, tensor in below(state, prefix).items():
        if _TRUNK.match(name):
            names["backbone." + name] = tensor
        elif name.startswith("latlayer"):
            names["pyramid." + name] = tensor
        else:
            names[name] = tensor
    return names


def generator_tensors(
    state: Mapping[str, Tensor], prefix: str, mean: Tensor | None = None
) -> dict[str, Tensor]:
    """A generator's tensors from below ``prefix``, with w̄ among them where it is known."""
    tensors = below(state, prefix)
    if tensors and mean is not None:
        tensors["latent_avg"] = mean
    return tensors


def mean_of(data: Mapping[str, Any], opts: Mapping[str, Any]) -> Tensor | None:
    """The codes that the pSp family adds to: ``latent_avg``, or zeros if its options say so."""
    mean = data.get("latent_avg")
    if not isinstance(mean, Tensor):
        return None
    return mean if opts.get("start_from_latent_avg", True) else torch.zeros_like(mean)
