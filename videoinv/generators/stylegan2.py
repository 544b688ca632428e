"""StyleGAN2 (Karras et al. 2020, skip generator): z → w → image at any power of two from 8.

Layers, codes and blocks. Convolution k (0-based, coarse to fine: 4², then two at each of 8²,
16², …) takes row k of the codes; the toRGB that closes a block takes the row after its last
convolution, which the next block's first convolution takes too. So a generator of resolution R
has 2·log₂R − 3 layers and 2·log₂R − 2 rows, and *the K-th convolution layer* of the Feature-Style
paper is layer K − 1 here (its K = 5 is layer 4: 512 × 16 × 16).

Injected features. Features at layer k replace that convolution's output; the convolutions before
it do not reach the image through it any more. They still do through the toRGB of the coarser
blocks, whose part of the image is computed from the codes. Hence F = G(w^{1:K}) gives G(w)
exactly, and an edit of the coarse rows reaches the coarse part of the image as well. Those
layers are nearly free: below 16² they are half a percent of a 1024² image.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videoinv.errors import BadInputError, CheckpointError
from videoinv.generators.checks import check_latent, check_size
from videoinv.generators.stylegan2_convolution import (
    ModulatedConv,
    Noise,
    SynthesisBlock,
    upsample,
)
from videoinv.generators.stylegan2_layers import MappingNetwork
from videoinv.generators.stylegan2_names import (
    StyleGAN2Config,
    conv_name,
    convert_names,
    read_config,
)
from videoinv.generators.stylegan2_strips import strips
from videoinv.latents import Latent

_HALF_RESOLUTIONS = 4  # how many of the finest resolutions run in float16 (NVlabs' recipe)
_LARGEST_WHOLE = 128  # finer resolutions leave the cache and run in strips on a CPU
_TAKES_OFFSET = re.compile(r"\.(conv0|conv1|torgb)\.weight$")
_MEAN_SAMPLES = 10_000


class StyleGAN2(nn.Module):
    """A StyleGAN2 generator; implements ``videoinv.generators.protocol.Generator``.

    ``.to(torch.bfloat16)`` and ``.to(torch.float16)`` cast the convolutions only. Latents go in of
    any dtype; codes, features and images come out in float32.

    Args:
        config: channels per resolution, depth of the mapping, length of a code.
        noise: ``"fixed"`` adds the stored noise, ``"random"`` fresh noise at every call,
            ``"none"`` no noise.
    """

    def __init__(self, config: StyleGAN2Config, noise: Noise = "fixed") -> None:
        super().__init__()
        self.config = config
        self.noise = noise
        self.mapping = MappingNetwork(config.mapping_layers, config.latent)
        self.synthesis = nn.ModuleDict()
        coarse = len(config.channels) - _HALF_RESOLUTIONS
        for level, outputs in enumerate(config.channels):
            inputs = config.channels[level - 1] if level else None
            self.synthesis[f"b{4 << level}"] = SynthesisBlock(
                inputs, outputs, config.latent, 4 << level, half_safe=level >= coarse
            )

    @classmethod
    def from_state_dict(cls, state_dict: Mapping[str, Tensor], noise: Noise = "fixed") -> Self:
        """The generator whose tensors these are, ready for inference (no gradients to weights).

        Args:
            state_dict: tensors under rosinality's or NVlabs' names, without a prefix. The mean
                code is ``latent_avg`` or ``mapping.w_avg``, [512] or [L, 512]; without one it is
                estimated from random codes.
            noise: see the class.

        Raises:
            CheckpointError: if tensors are missing, left over, or of the wrong shape.
        """
        tensors = convert_names(state_dict)
        with torch.inference_mode(False):
            generator = cls(read_config(tensors), noise)
            generator._load(tensors)
        return generator.eval().requires_grad_(False)

    def with_noise(self, noise: Noise) -> Self:
        """The same generator, sharing the weights, with another kind of noise."""
        twin = copy.copy(self)
        twin.noise = noise
        return twin

    @property
    def styles(self) -> int:
        """L = 2·log₂(resolution) − 2, the number of rows of the codes."""
        return 2 * len(self.synthesis)

    @property
    def layers(self) -> int:
        """Number of convolutions, one fewer than rows."""
        return self.styles - 1

    @property
    def resolution(self) -> int:
        """Side of the output in pixels."""
        return self.config.resolution

    @property
    def sizes(self) -> tuple[int, ...]:
        """Only the full resolution: smaller images are means over its pixels, as published."""
        return (self.resolution,)

    @property
    def mean_codes(self) -> Tensor:
        """w̄ in every row: [L, 512]."""
        return self.mapping.w_avg.expand(self.styles, -1)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mapping.w_avg.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the finest convolutions' weights."""
        return self._conv(self.layers - 1).weight.dtype

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """Codes [B, L, 512] of normal noise z [B, 512] from any device: w̄ + ψ·(w − w̄) per row."""
        w: Tensor = self.mapping(z.to(self.device))[:, None]
        return self.mean_codes + truncation * (w - self.mean_codes)

    def feature_shape(self, layer: int) -> tuple[int, int, int]:
        """(C, H, W) of the features at a layer."""
        conv = self._conv(layer)
        return (conv.weight.shape[0], conv.resolution, conv.resolution)

    def rows_through(self, layer: int) -> int:
        """How many rows of the codes the features at a layer depend on: layer + 1."""
        self._conv(layer)
        return layer + 1

    def features(
        self, codes: Tensor, layer: int, weight_offsets: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """G(w^{1:K}), K = layer + 1: features [B, C, H, W] by a pass that stops there.

        Raises:
            BadInputError: if the layer, the codes or the offsets do not fit this generator.
        """
        self._conv(layer)
        latent = Latent(codes, weight_offsets=weight_offsets or {})
        self._check(latent)
        x = self._start(latent)
        for index in range(layer + 1):
            x = self._layer(index, latent)(x)
        return x.float()

    def synthesize(self, latent: Latent, size: int | None = None) -> Tensor:
        """The images [B, 3, size, size], about [−1, 1], not clamped.

        Args:
            latent: codes [B, L, 512], with features injected at any layer and weight offsets
                under the names of this module's ``state_dict``.
            size: at most the resolution; a smaller image is reduced by averaging over areas.

        Raises:
            BadInputError: if the latent or the size does not fit this generator.
        """
        size = self.resolution if size is None else size
        check_size(self, size)
        self._check(latent)
        whole = self._levels_run_whole(latent)
        x = self._start(latent)
        image: Tensor | None = None
        for level in range(whole):
            x = self._run_level(x, level, latent)
            rgb = self._to_rgb(level, latent)(x)
            image = rgb if image is None else rgb + upsample(image)
        assert image is not None
        if whole < len(self.synthesis):
            parts = [
                self._finish_in_strips(x[b : b + 1], image[b : b + 1], whole, latent[b])
                for b in range(len(latent))
            ]
            image = torch.cat(parts)
        return image if size == self.resolution else F.adaptive_avg_pool2d(image, size)

    def _start(self, latent: Latent) -> Tensor:
        const = cast(SynthesisBlock, self.synthesis["b4"]).const
        return const.expand(len(latent), -1, -1, -1)

    def _levels_run_whole(self, latent: Latent) -> int:
        """How many of the resolutions are computed as whole maps; the finer ones in strips."""
        levels = len(self.synthesis)
        if self.device.type != "cpu":
            return levels
        coarse = sum(4 << level <= _LARGEST_WHOLE for level in range(levels))
        injected = 0 if latent.features is None else (latent.features.layer + 1) // 2 + 1
        return min(max(coarse, injected), levels)

    def _run_level(self, x: Tensor, level: int, latent: Latent) -> Tensor:
        """The convolutions of one resolution, from the injected features where there are any."""
        indices = range(max(2 * level - 1, 0), 2 * level + 1)
        injected = latent.features
        if injected is not None and injected.mode == "replace" and injected.layer in indices:
            x = injected.tensor
            indices = range(injected.layer + 1, indices.stop)
        for index in indices:
            x = self._layer(index, latent)(x)
            if injected is not None and injected.mode == "add" and index == injected.layer:
                x = x + injected.tensor
        return x

    def _finish_in_strips(self, x: Tensor, image: Tensor, level: int, latent: Latent) -> Tensor:
        """The image of one sample from its features and image below a resolution."""
        for finer in range(level, len(self.synthesis)):
            to_rgb = self._to_rgb(finer, latent)
            features, images = [], []
            for part in strips(x, *(self._layer(2 * finer + i, latent) for i in (-1, 0))):
                images.append(to_rgb(part))
                if finer + 1 < len(self.synthesis):
                    features.append(part)
            x = torch.cat(features or [x], 2)
            image = torch.cat(images, 2) + upsample(image)
        return image

    def _layer(self, index: int, latent: Latent) -> Callable[..., Tensor]:
        """Convolution ``index`` for a latent: a function of its input and of the rows to make."""
        conv = self._conv(index)
        offset = latent.weight_offsets.get(f"{conv_name(index)}.weight")
        noise = conv.noise(self.noise, len(latent))

        def run(x: Tensor, rows: slice | None = None) -> Tensor:
            part = noise if noise is None or rows is None else noise[..., rows, :]
            return cast(Tensor, conv(x, latent.codes[:, index], part, offset))

        return run

    def _to_rgb(self, level: int, latent: Latent) -> Callable[[Tensor], Tensor]:
        name = f"b{4 << level}"
        torgb = cast(SynthesisBlock, self.synthesis[name]).torgb
        offset = latent.weight_offsets.get(f"synthesis.{name}.torgb.weight")
        code = latent.codes[:, 2 * level + 1]
        return lambda x: cast(Tensor, torgb(x, code, offset))

    def _conv(self, index: int) -> ModulatedConv:
        if not 0 <= index < self.layers:
            raise BadInputError(
                f"no layer {index}: a generator of {self.resolution} pixels has layers 0 to "
                f"{self.layers - 1}"
            )
        return cast(ModulatedConv, self.get_submodule(conv_name(index)))

    def _check(self, latent: Latent) -> None:
        check_latent(self, latent, self._weights_with_offsets)

    def _weights_with_offsets(self) -> dict[str, Tensor]:
        weights = self.synthesis.named_parameters(prefix="synthesis")
        return {name: weight for name, weight in weights if _TAKES_OFFSET.search(name)}

    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over all tensors, and estimate the mean code where none is given."""
        if (mean := tensors.get("mapping.w_avg")) is not None:
            if mean.shape not in {(self.config.latent,), (self.styles, self.config.latent)}:
                raise CheckpointError(
                    f"the mean code has the shape {list(mean.shape)}; a StyleGAN2 of "
                    f"{self.resolution} pixels has {self.styles} rows of {self.config.latent}"
                )
            self.mapping.w_avg = torch.zeros(mean.shape)
        try:
            missing, unexpected = self.load_state_dict(tensors, strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"tensors of the wrong shape for StyleGAN2: {error}") from error
        needed = [name for name in missing if name != "mapping.w_avg"]
        if needed or unexpected:
            raise CheckpointError(
                f"not the tensors of a StyleGAN2 of {self.resolution} pixels: missing "
                f"{needed or 'none'}, unexpected {unexpected or 'none'}"
            )
        if mean is None:
            self.mapping.w_avg = self._estimate_mean()

    @torch.no_grad()
    def _estimate_mean(self) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(_MEAN_SAMPLES, self.config.latent, generator=generator)
        return cast(Tensor, self.mapping(z).mean(0))
