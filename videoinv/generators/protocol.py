"""What the rest of the project asks of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from videoinv.latents import Latent


@runtime_checkable
class Generator(Protocol):
    """A StyleGAN2-type generator: z → w → image, with features in and out at any layer.

    Layers are counted from 0, coarse to fine; a feature tensor at layer k is the output of that
    layer, and ``rows_through(k)`` rows of the codes were used to make it.

    Latents go in with any floating dtype, on the generator's device. Codes, features and images
    come out there in float32, whatever dtype the weights have.
    """

    @property
    def styles(self) -> int:
        """L, the number of rows of the codes."""

    @property
    def resolution(self) -> int:
        """Side of the generator's own output in pixels."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Output sides that synthesis makes directly, ascending; others are reduced from these."""

    @property
    def layers(self) -> int:
        """Number of layers at which features can be taken and injected."""

    @property
    def mean_codes(self) -> Tensor:
        """w̄ in every row: [L, 512], in float32 or in the weights' dtype."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    @property
    def dtype(self) -> torch.dtype:
        """The weights' dtype."""

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """Codes [B, L, 512] of normal noise; truncation ψ pulls them to the mean.

        Args:
            z: [B, 512], of any floating dtype and on any device.
            truncation: 1 leaves the codes as they are, 0 gives the mean.
        """

    def feature_shape(self, layer: int) -> tuple[int, int, int]:
        """(C, H, W) of the features at a layer.

        Raises:
            BadInputError: if there is no such layer; as in the two methods below.
        """

    def rows_through(self, layer: int) -> int:
        """How many rows of the codes the features at a layer depend on (the first ones)."""

    def features(
        self, codes: Tensor, layer: int, weight_offsets: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """G(w^{1:K}): the features [B, C, H, W] at a layer, by a pass that stops there.

        Args:
            codes: [B, L, 512], all rows.
            layer: 0-based.
            weight_offsets: as in a :class:`Latent`.

        Raises:
            BadInputError: if the codes or the offsets are those of another generator.
        """

    def synthesize(self, latent: Latent, size: int | None = None) -> Tensor:
        """The images [B, 3, size, size], about [−1, 1], not clamped.

        Args:
            latent: for this generator.
            size: side in pixels, at most the resolution, which is the default.

        Raises:
            BadInputError: if the latent or the size does not fit this generator.
        """
