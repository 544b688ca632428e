"""Features that stay near the generator's own, so that Eq. (1) of the Feature-Style paper edits."""

from __future__ import annotations

import torch
from torch import Tensor

from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


def feature_reconstruction(generator: Generator, latent: Latent) -> Tensor:
    """L_f_recon = ‖F − G(w^{1:K})‖²  (Eq. 4 of the Feature-Style Encoder), mean per image: [B].

    A latent whose features are added carries ΔF = F − G(w^{1:K}) itself. Latents without features
    have none to pull back: zeros.
    """
    features = latent.features
    if features is None:
        return torch.zeros(len(latent), device=latent.codes.device)
    delta = features.tensor
    if features.mode == "replace":
        delta = delta - generator.features(latent.codes, features.layer, latent.weight_offsets)
    return delta.float().square().flatten(1).mean(dim=1)
