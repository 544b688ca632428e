"""The feature edit of the Feature-Style Encoder (Yao et al. 2022, §3.3, Eq. 1)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


def edit_features(generator: Generator, latent: Latent, edited_codes: Tensor) -> Latent:
    """The latent with edited codes, and with features that follow the edit.

    Features that replace a layer would hide what the edit does to the layers before it, so they
    take over the change of the generator's own features there (Eq. 1)::

        F̃ = F + G(w̃^{1:K}) − G(w^{1:K})

    Both passes stop at layer K, a small part of an image at 16², and run as one batch. Features
    that are added to the layer, ΔF = F − G(w^{1:K}), follow by themselves.

    Args:
        generator: the generator of the latent.
        latent: codes [B, L, 512] with or without features.
        edited_codes: w̃, [B, L, 512].
    """
    edited = latent.with_codes(edited_codes)
    features = latent.features
    if features is None or features.mode == "add":
        return edited
    rows = generator.rows_through(features.layer)
    if edited_codes[:, :rows].equal(latent.codes[:, :rows]):
        return edited
    offsets = {name: torch.cat([each, each]) for name, each in latent.weight_offsets.items()}
    both = generator.features(torch.cat([latent.codes, edited_codes]), features.layer, offsets)
    change = both[len(latent) :] - both[: len(latent)]
    return replace(edited, features=replace(features, tensor=features.tensor + change))
