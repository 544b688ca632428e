"""Latents as named tensors for a tape, and back.

Features are kept in 16 bits: ΔF is 512 × 32² numbers a frame, 2 MB in single precision.
Whoever goes on with a latent goes on with what the tape would give back, recorded or not, so that
a run without a tape makes the same film.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import torch
from torch import Tensor

from videoinv.encoders.weights import below, under
from videoinv.latents import Features, Latent

_CODES, _FEATURES, _OFFSETS = "codes", "features.", "offsets."


def tensors_of(latent: Latent) -> dict[str, Tensor]:
    """The parts of a latent by name; ``features.MODE.LAYER`` in at most 16 bits."""
    tensors = {_CODES: latent.codes, **under(latent.weight_offsets, _OFFSETS)}
    features = latent.features
    if features is not None:
        name = f"{_FEATURES}{features.mode}.{features.layer}"
        is_wide = features.tensor.element_size() > 2
        tensors[name] = features.tensor.to(torch.float16) if is_wide else features.tensor
    return tensors


def latent_of(tensors: Mapping[str, Tensor]) -> Latent:
    """The latent of these parts; its features have the dtype of its codes."""
    codes = tensors[_CODES]
    found = [
        Features(tensor.to(codes.dtype), int(layer), cast(Literal["replace", "add"], mode))
        for name, tensor in below(tensors, _FEATURES).items()
        for mode, layer in [name.split(".")]
    ]
    return Latent(codes, found[0] if found else None, below(tensors, _OFFSETS))
