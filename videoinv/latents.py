"""The latent of a batch of images: what every encoder returns and every generator takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Features:
    """A feature tensor injected into the generator at one layer.

    ``mode="replace"`` puts ``tensor`` in the place of the layer's own output (the F of the
    Feature-Style Encoder, §3.1). ``mode="add"`` adds it: the latent then holds
    ΔF = F − G(w^{1:K}), and Eq. (1) of that paper, F̃ = F + G(w̃^{1:K}) − G(w^{1:K}), is what
    synthesis with the edited codes w̃ computes by itself.
    """

    tensor: Tensor
    """[B, C, H, W]"""
    layer: int
    """0-based index of the generator's layer; see ``Generator.feature_shape``."""
    mode: Literal["replace", "add"] = "replace"


@dataclass(frozen=True)
class Latent:
    """Codes, and whatever else a system predicts beside them, for B images of one generator."""

    codes: Tensor
    """w⁺: [B, L, 512], one row per style input of the generator."""
    features: Features | None = None
    weight_offsets: Mapping[str, Tensor] = field(default_factory=dict)
    """ΔW per generator weight name, [B, *weight.shape] (HyperInverter, Eq. 5)."""

    def __len__(self) -> int:
        return self.codes.shape[0]

    def __getitem__(self, index: int | slice) -> Latent:
        """The latent of some of the images; an integer keeps the batch axis.

        Raises:
            IndexError: if there is no such image.
        """
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of a latent of {len(self)}")
        part = slice(index, index + 1 or None) if isinstance(index, int) else index
        return self._each(lambda tensor: tensor[part])

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Latent:
        """The same latent on another device or in another dtype."""
        return self._each(lambda tensor: tensor.to(device=device, dtype=dtype))

    def detach(self) -> Latent:
        """The same latent, cut from the autograd graph."""
        return self._each(Tensor.detach)

    def expand(self, count: int) -> Latent:
        """A latent of one image, repeated ``count`` times without copying."""
        return self._each(lambda tensor: tensor.expand(count, *tensor.shape[1:]))

    def with_codes(self, codes: Tensor) -> Latent:
        """The same latent with other codes; features and weight offsets stay."""
        return replace(self, codes=codes)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Latent:
        features = self.features
        if features is not None:
            features = replace(features, tensor=change(features.tensor))
        offsets = {name: change(offset) for name, offset in self.weight_offsets.items()}
        return Latent(change(self.codes), features, offsets)


def concatenate(latents: Sequence[Latent]) -> Latent:
    """One latent for the images of several; all must carry the same parts at the same layer.

    Raises:
        ValueError: if there are none, or their parts differ.
    """
    if not latents:
        raise ValueError("no latents to concatenate")
    first = latents[0]
    features = first.features
    if features is not None:
        parts = [latent.features for latent in latents]
        if any(p is None or (p.layer, p.mode) != (features.layer, features.mode) for p in parts):
            raise ValueError("latents with features at different layers cannot be joined")
        features = replace(features, tensor=torch.cat([p.tensor for p in parts if p is not None]))
    if any(latent.weight_offsets.keys() != first.weight_offsets.keys() for latent in latents):
        raise ValueError("latents with offsets of different weights cannot be joined")
    offsets = {
        name: torch.cat([latent.weight_offsets[name] for latent in latents])
        for name in first.weight_offsets
    }
    return Latent(torch.cat([latent.codes for latent in latents]), features, offsets)
