"""MobileStyleGAN: a small StyleGAN2 student that makes wavelet bands instead of RGB skips.

Belousov, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image
Synthesis", 2021. Its codes are StyleGAN2-FFHQ's own W, here with a row of their own for each of
the 23 places where the published graph uses them.

Rows: 0 the head; 3r + 1, 3r + 2, 3r + 3 the ``up``, ``conv1`` and ``conv2`` of block r; the last
one the image. Layers (for features): 0 the head at 4², k the block k − 1 at 4·2ᵏ.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videoinv.errors import BadInputError
from videoinv.generators.checks import check_latent, check_size
from videoinv.generators.image_head import ImageHead
from videoinv.generators.mobile_layers import (
    STYLE_DIM,
    Block,
    HeadConv,
    MappingNetwork,
    ToImage,
)
from videoinv.latents import Latent

CHANNELS = (512, 512, 512, 512, 512, 256, 128, 64)
"""Channels of the layers of the published network, from 4² to 512²."""
_TAKES_OFFSET = re.compile(r"(head|to_img|blocks\.\d+\.conv[12])\.weight")


class MobileStyleGAN(nn.Module):
    """The generator; see :class:`videoinv.generators.protocol.Generator`.

    It computes in its weights' dtype: latents are cast to it, and what comes out to float32.

    Args:
        channels: channels of each layer, 4² first; every layer doubles the side.
        head_layers: layers that carry an image head of our own (see ``image_head.py``).
    """

    mean_codes: Tensor

    def __init__(
        self, channels: Sequence[int] = CHANNELS, head_layers: Sequence[int] = (4, 5, 6)
    ) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.mapping = MappingNetwork()
        self.constant = nn.Parameter(torch.zeros(1, channels[0], 4, 4))
        self.head = HeadConv(channels[0])
        self.blocks = nn.ModuleList(
            Block(before, after, 8 << r)
            for r, (before, after) in enumerate(itertools.pairwise(channels))
        )
        self.to_img = ToImage(channels[-1])
        self.heads = nn.ModuleDict(
            {
                str(k): ImageHead(channels[k], self.styles - self.rows_through(k))
                for k in head_layers
            }
        )
        self.register_buffer("mean_codes", torch.zeros(self.styles, STYLE_DIM))

    @property
    def styles(self) -> int:
        """L, the number of rows of the codes."""
        return 3 * len(self.channels) - 1

    @property
    def layers(self) -> int:
        """Number of layers at which features can be taken and injected."""
        return len(self.channels)

    @property
    def resolution(self) -> int:
        """Side of the published output in pixels."""
        return 4 << self.layers

    @property
    def sizes(self) -> tuple[int, ...]:
        """Output sides made directly: those of the image heads, and the full one."""
        return (*sorted(8 << int(k) for k in self.heads), self.resolution)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.constant.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' dtype."""
        return self.constant.dtype

    def feature_shape(self, layer: int) -> tuple[int, int, int]:
        """(C, H, W) of the features at a layer."""
        self._check_layer(layer)
        return self.channels[layer], 4 << layer, 4 << layer

    def rows_through(self, layer: int) -> int:
        """How many (first) rows of the codes the features at a layer depend on."""
        self._check_layer(layer)
        return 1 + 3 * layer

    def style_weights(self, row: int) -> Tensor:
        """The affine layer through which a row of the codes acts: [C, 512] (for SeFa)."""
        if row in (0, self.styles - 1):
            weight: Tensor = (self.to_img if row else self.head).style.weight
            return weight
        block: Block = self.blocks[(row - 1) // 3]  # type: ignore[assignment]
        return (block.up, block.conv1.style, block.conv2.style)[(row - 1) % 3].weight

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """Codes [B, L, 512] of noise z [B, 512] from any device; truncation ψ: w̄ + ψ(w − w̄)."""
        w: Tensor = self.mapping(z.to(self.device, self.dtype))[:, None].float()
        mean = self.mean_codes.float()
        return mean + truncation * (w - mean)

    def features(
        self, codes: Tensor, layer: int, weight_offsets: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """G(w^{1:K}): features [B, C, H, W] at a layer, by a pass that stops there.

        Raises:
            BadInputError: if the layer, the codes or the offsets do not fit this generator.
        """
        self._check_layer(layer)
        latent = Latent(codes, weight_offsets=weight_offsets or {})
        return self._run(latent.to(dtype=self.dtype), layer).float()

    def synthesize(self, latent: Latent, size: int | None = None) -> Tensor:
        """Images [B, 3, size, size], about [−1, 1], not clamped.

        A size between those in :attr:`sizes` is reduced by area from the next larger one.

        Raises:
            BadInputError: if the latent or the size does not fit this generator, or features are
                injected behind the layer that a smaller size ends at.
        """
        size = self.resolution if size is None else size
        check_size(self, size)
        latent = latent.to(dtype=self.dtype)
        made = next(side for side in self.sizes if side >= size)
        image = self._full(latent) if made == self.resolution else self._reduced(latent, made)
        image = image.float()
        return image if made == size else F.interpolate(image, size=(size, size), mode="area")

    def _full(self, latent: Latent) -> Tensor:
        x = self._run(latent, self.layers - 1)
        image: Tensor = self.to_img(
            x, latent.codes[:, -1], latent.weight_offsets.get("to_img.weight")
        )
        return image

    def _reduced(self, latent: Latent, size: int) -> Tensor:
        layer = (size // 8).bit_length() - 1
        head = self.heads[str(layer)]
        image: Tensor = head(self._run(latent, layer), latent.codes[:, self.rows_through(layer) :])
        return image

    def walk(self, latent: Latent, last: int) -> Iterator[tuple[int, Tensor]]:
        """Each layer up to ``last`` with its features; injected ones that replace come first.

        Args:
            latent: in the weights' dtype, as are the features.
            last: the layer after which to stop.

        Raises:
            BadInputError: if the latent does not fit, or injects features behind ``last``.
        """
        self._check(latent, last)
        codes, offsets, injected = latent.codes, latent.weight_offsets, latent.features
        x: Tensor = self.constant.expand(len(codes), -1, -1, -1)
        first = 0
        if injected is not None and injected.mode == "replace":
            x, first = injected.tensor, injected.layer + 1
            yield injected.layer, x
        for layer in range(first, last + 1):
            if layer == 0:
                x = self.head(x, codes[:, 0], offsets.get("head.weight"))
            else:
                rows = codes[:, 3 * layer - 2 : 3 * layer + 1]
                x = self.blocks[layer - 1](x, rows, _of_block(offsets, layer - 1))
            if injected is not None and injected.mode == "add" and layer == injected.layer:
                x = x + injected.tensor
            yield layer, x

    def _run(self, latent: Latent, last: int) -> Tensor:
        """The features of layer ``last``."""
        x: Tensor = self.constant
        for _, features in self.walk(latent, last):
            x = features
        return x

    def _check_layer(self, layer: int) -> None:
        if not 0 <= layer < self.layers:
            raise BadInputError(f"layer is {layer}; this generator has 0 to {self.layers - 1}")

    def _check(self, latent: Latent, last: int) -> None:
        check_latent(self, latent, self._weights_with_offsets)
        injected = latent.features
        if injected is not None and injected.layer > last:
            raise BadInputError(
                f"features are injected at layer {injected.layer}, but this output size ends at "
                f"layer {last}; ask for a larger size"
            )

    def _weights_with_offsets(self) -> dict[str, Tensor]:
        weights = self.named_parameters()
        return {name: weight for name, weight in weights if _TAKES_OFFSET.fullmatch(name)}


def _of_block(offsets: Mapping[str, Tensor], block: int) -> dict[str, Tensor]:
    """The offsets of one block's weights, under the names that they have inside it."""
    prefix = f"blocks.{block}."
    return {k.removeprefix(prefix): v for k, v in offsets.items() if k.startswith(prefix)}
