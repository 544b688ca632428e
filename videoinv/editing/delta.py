"""The feature edit of the Feature-Style Encoder (Yao et al. 2022, §3.3, Eq. 1), and its limits.

What an encoder adds to the generator's own features, ΔF = F − G(w^{1:K}), describes the source as
it is: closed lips stay closed lips when the codes begin to smile. So ΔF gives way where the edit
changes the generator's features more than elsewhere, and stays where it does not, with the hair,
the background and the skin that codes cannot tell. This part is ours; Eq. (1) is its limit when
nothing gives way.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

YIELD = 0.3
"""How far the change of the generator's features, in parts of their root mean square, lies above
its mean where half of ΔF is left. All directions were looked at on photographs and on a speaker:
at 0.35 more of her old lips shows through a slight smile; 0.25, with an exponent of 6, left hard
edges in aged skin."""
STEEPNESS = 4
"""Exponent: a third of that leaves ΔF alone, twice of it removes it."""


def edit_features(
    generator: Generator, latent: Latent, edited_codes: Tensor, yielding: float | None = None
) -> Latent:
    """The latent with edited codes, and with features that follow the edit.

    Features that replace a layer would hide what the edit does to the layers before it, so they
    take over the change of the generator's own features there (Eq. 1)::

        F̃ = F + G(w̃^{1:K}) − G(w^{1:K}) = G(w̃^{1:K}) + ΔF

    With ``yielding`` it is G(w̃^{1:K}) + m·ΔF, with m [B, 1, H, W] of :func:`what_stays`. Features
    that are added to the layer are ΔF themselves.

    Both passes stop at layer K, a small part of an image at 16², and run as one batch.

    Args:
        generator: the generator of the latent.
        latent: codes [B, L, 512] with or without features.
        edited_codes: w̃, [B, L, 512].
        yielding: as :data:`YIELD`; ``None``: ΔF stays everywhere, as in the paper.
    """
    edited = latent.with_codes(edited_codes)
    features = latent.features
    if features is None or (features.mode == "add" and yielding is None):
        return edited
    rows = generator.rows_through(features.layer)
    if edited_codes[:, :rows].equal(latent.codes[:, :rows]):
        return edited
    own, edited_own = _own_features(generator, latent, edited_codes, features.layer)
    if yielding is None:
        tensor = features.tensor + (edited_own - own)
    elif features.mode == "add":
        tensor = what_stays(own, edited_own, yielding) * features.tensor
    else:
        delta = features.tensor - own
        tensor = edited_own + what_stays(own, edited_own, yielding) * delta
    return replace(edited, features=replace(features, tensor=tensor))


def recode(generator: Generator, latent: Latent, codes: Tensor) -> Latent:
    """The latent with other codes for the same picture: F = G(w^{1:K}) + ΔF stays, ΔF follows.

    ΔF is what its own codes leave open. Codes that were smoothed over time leave something else,
    and the old ΔF on top of them would show the difference twice.

    Args:
        generator: the generator of the latent.
        latent: codes [B, L, 512] with or without features.
        codes: the new ones, [B, L, 512].
    """
    recoded = latent.with_codes(codes)
    features = latent.features
    if features is None or features.mode == "replace":
        return recoded
    rows = generator.rows_through(features.layer)
    if codes[:, :rows].equal(latent.codes[:, :rows]):
        return recoded
    own = _own_features(generator, latent, codes, features.layer)
    old, new = (each.to(features.tensor) for each in own)
    return replace(recoded, features=replace(features, tensor=features.tensor + (old - new)))


def _own_features(
    generator: Generator, latent: Latent, codes: Tensor, layer: int
) -> tuple[Tensor, Tensor]:
    """G(w^{1:K}) of the latent's codes and of others, [B, C, H, W] each, as one batch."""
    offsets = {name: torch.cat([each, each]) for name, each in latent.weight_offsets.items()}
    own, other = generator.features(torch.cat([latent.codes, codes]), layer, offsets).chunk(2)
    return own, other


def what_stays(own: Tensor, edited: Tensor, yielding: float) -> Tensor:
    """The part of ΔF that is left: m = 1 / (1 + ((r − r̄)₊ / yielding)⁴), [B, 1, H, W].

    r is the change of the features relative to their root mean square, r̄ its mean over the image.
    What an edit changes everywhere, as age does with the skin, ΔF can be added to. Where it changes
    far more than that, lips part or a nose turns, and ΔF describes what is no longer there.

    Args:
        own: G(w^{1:K}), [B, C, H, W].
        edited: G(w̃^{1:K}).
        yielding: the r − r̄ at which m is a half.
    """
    size = own.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    r = (edited - own).square().mean(dim=1, keepdim=True).sqrt() / size
    mean = r.mean(dim=(2, 3), keepdim=True)
    # Averaged over a cell's neighbours: the edge of a mouth gives way with the mouth.
    r = F.avg_pool2d(F.pad(r, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    stays: Tensor = 1 / (1 + ((r - mean).clamp(min=0) / yielding) ** STEEPNESS)
    return stays
