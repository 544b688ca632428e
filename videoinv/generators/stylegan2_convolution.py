"""The convolutions of StyleGAN2, with shared weights for a whole batch and no custom kernel.

A modulated convolution multiplies the weight's input channels by a style s and then normalises
every output channel (StyleGAN2, Karras et al. 2020, Eqs. 1 and 3). Both factors can be moved out
of the weight, because convolution is linear::

    y_o = d_o · Σ_i W_oi ∗ (s_i · x_i),     d_o = 1 / √(Σ_i s_i² · Σ_k W_oik² + ε)

so one dense convolution serves every sample of a batch, and Σ_k W² is a table that is made once.
Where the map has many more pixels than the weight has elements it is cheaper to scale the weight
instead, and there the bias rides along inside the convolution.

Styles, biases, noise and the mapping network stay in float32 whatever the network is cast to;
only the convolution weights follow. In float16 the coarse layers (``half_safe=False``) stay in
float32 too, and the fine ones clamp their output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videoinv.generators.stylegan2_layers import (
    EPSILON,
    GAIN,
    SLOPE,
    Derived,
    FullyConnected,
)
from videoinv.precision import Float32

Noise = Literal["fixed", "random", "none"]

HALF_CLAMP = 256.0  # largest activation of a float16 layer, far from the format's 65504
FIR = (1.0, 3.0, 3.0, 1.0)


def layout(device: torch.device) -> torch.memory_format:
    """The memory format in which convolutions are fastest: on CPUs channels go last."""
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


class ModulatedConv(nn.Module):
    """One convolution layer: modulate, convolve (twice the size when ``up``), noise, bias, act.

    Args:
        inputs: channels in.
        outputs: channels out.
        style: length of a row of the codes.
        resolution: side of the output in pixels.
        up: whether the output has twice the input's side.
        half_safe: whether the layer may run in float16.
    """

    noise_const: Tensor

    def __init__(
        self, inputs: int, outputs: int, style: int, resolution: int, *, up: bool, half_safe: bool
    ) -> None:
        super().__init__()
        self.affine = FullyConnected(style, inputs, bias=1.0)
        weight = torch.randn(outputs, inputs, 3, 3)
        self.weight = nn.Parameter(weight.contiguous(memory_format=layout(weight.device)))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.resolution, self.up, self.half_safe = resolution, up, half_safe
        self._energy, self._term, self._normalised = Derived(), Derived(), Derived()

    def noise(self, kind: Noise, batch: int) -> Tensor | None:
        """The noise of a whole output: the stored [r, r], fresh [B, 1, r, r], or none."""
        if kind == "fixed":
            return self.noise_const
        if kind == "none":
            return None
        side = self.resolution
        return torch.randn(batch, 1, side, side, device=self.noise_const.device)

    def forward(
        self, x: Tensor, code: Tensor, noise: Tensor | None = None, offset: Tensor | None = None
    ) -> Tensor:
        """The layer's output [B, O, h, w].

        Args:
            x: [B, I, h, w], or half that size when the layer doubles it; any part of the map.
            code: this layer's row of the codes, [B, style].
            noise: what ``noise()`` returned, or the same part of it.
            offset: ΔW [B, O, I, 3, 3], added to the weight of each sample.
        """
        x = x.to(self.weight.dtype, memory_format=layout(x.device))
        styles = self.affine(code)
        if offset is not None or self._weight_is_smaller(x):
            y = self._convolve_each(x, styles, noise, offset)
        else:
            y = self._convolve_shared(x, styles, noise)
        y = F.leaky_relu_(y, SLOPE)
        if y.dtype != torch.float16:
            return y
        # Gradients of the activation need what it returned.
        clamp = torch.clamp if y.requires_grad else torch.clamp_
        return clamp(y, -HALF_CLAMP, HALF_CLAMP)

    def _weight_is_smaller(self, x: Tensor) -> bool:
        """Whether scaling the weight for each sample is less work than scaling the maps.

        An accelerator prefers one convolution for the batch, whatever the sizes.
        """
        may_loop = len(x) == 1 or x.device.type == "cpu"
        return may_loop and x.shape[2] * x.shape[3] > 3 * self.weight.shape[0]

    def _convolve_shared(self, x: Tensor, styles: Tensor, noise: Tensor | None) -> Tensor:
        """Scale the input, convolve the batch with the one weight, scale the output."""
        weight: Tensor = self.weight
        if x.dtype == torch.float16:
            weight = self._normalised.get([self.weight], self._normalise)
            styles = styles / styles.abs().amax(1, keepdim=True)
        scale = self._demodulation(styles, self._table(weight)).to(x.dtype)
        y = self._convolve(x * styles.to(x.dtype)[:, :, None, None], weight)
        return torch.addcmul(self._noise_and_bias(noise), y, scale[:, :, None, None])

    def _convolve_each(
        self, x: Tensor, styles: Tensor, noise: Tensor | None, offset: Tensor | None
    ) -> Tensor:
        """Scale the weight of each sample and convolve it by itself, the bias included."""
        weight: Tensor = self.weight
        if offset is None:
            scale = self._demodulation(styles, self._table(weight))
        else:
            weight = weight.float() + offset.float()
            scale = self._demodulation(styles, weight.square().sum((3, 4)))
        weights = weight * (scale[:, :, None] * styles[:, None])[..., None, None]
        weights, bias = weights.to(x.dtype), (self.bias * GAIN).to(x.dtype)
        maps = [self._convolve(x[b : b + 1], weights[b], bias) for b in range(len(x))]
        y = maps[0] if len(maps) == 1 else torch.cat(maps)
        if noise is not None:
            y += (noise * (self.noise_strength * GAIN)).to(y.dtype)
        return y

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, bias, padding=1)
        y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return F.conv2d(y, fir(y), bias, padding=1, groups=y.shape[1])

    def _table(self, weight: Tensor) -> Tensor:
        """Σ_k W², [O, I]."""
        return self._energy.get([weight], lambda: weight.float().square().sum((2, 3)))

    @staticmethod
    def _demodulation(styles: Tensor, table: Tensor) -> Tensor:
        """The activation's gain times d = 1/√(Σ_i s_i² Σ_k W² + ε), [B, O].

        ``table`` is Σ_k W², [O, I] or [B, O, I].
        """
        energy = torch.matmul(table, styles.square()[:, :, None])[:, :, 0]
        return (energy + EPSILON).rsqrt() * GAIN

    def _normalise(self) -> Tensor:
        """W scaled per output channel so that a float16 sum cannot overflow."""
        weight = self.weight.float()
        largest = weight.abs().amax((1, 2, 3), keepdim=True)
        return (weight / (largest * math.sqrt(weight[0].numel()))).to(self.weight.dtype)

    def _noise_and_bias(self, noise: Tensor | None) -> Tensor:
        """(noise · strength + bias) · gain: [O, r, r] or [B, O, r, r]; without noise [O, 1, 1]."""
        bias = self.bias.view(-1, 1, 1)

        def fuse() -> Tensor:
            term = bias if noise is None else noise * self.noise_strength + bias
            return (term * GAIN).to(self.weight.dtype)

        if noise is not self.noise_const:
            return fuse()
        # The weight is a source because the term has its dtype.
        sources = [self.noise_const, self.noise_strength, self.bias, self.weight]
        return self._term.get(sources, fuse)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        """Cast the weight only; float16 leaves the weights of coarse layers in float32."""

        def cast(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            if tensor.dim() != 4 or (changed.dtype == torch.float16 and not self.half_safe):
                changed = tensor.to(changed.device)
            if changed.dim() == 4:
                changed = changed.contiguous(memory_format=layout(changed.device))
            return changed

        super()._apply(cast, recurse)  # type: ignore[no-untyped-call]
        return self


class ToRGB(Float32):
    """1×1 modulated convolution to three channels, without demodulation."""

    def __init__(self, inputs: int, style: int) -> None:
        super().__init__()
        self.affine = FullyConnected(style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, code: Tensor, offset: Tensor | None = None) -> Tensor:
        """[B, I, h, w] and [B, style] → [B, 3, h, w] in float32; ``offset`` [B, 3, I, 1, 1]."""
        weight = self.weight if offset is None else self.weight + offset.float()
        styles = self.affine(code) / math.sqrt(x.shape[1])
        weights = (weight * styles[:, None, :, None, None]).to(x.dtype)
        maps = [F.conv2d(x[b : b + 1], weights[b]) for b in range(len(x))]
        rgb = maps[0] if len(maps) == 1 else torch.cat(maps)
        return rgb.float() + self.bias.view(-1, 1, 1)


class SynthesisBlock(nn.Module):
    """The layers of one resolution: one convolution at 4², two above, and the toRGB."""

    conv0: ModulatedConv
    conv1: ModulatedConv
    torgb: ToRGB

    def __init__(
        self, inputs: int | None, outputs: int, style: int, resolution: int, *, half_safe: bool
    ) -> None:
        super().__init__()
        if inputs is None:
            self.const = nn.Parameter(torch.randn(outputs, resolution, resolution))
        else:
            self.conv0 = ModulatedConv(
                inputs, outputs, style, resolution, up=True, half_safe=half_safe
            )
        self.conv1 = ModulatedConv(
            outputs, outputs, style, resolution, up=False, half_safe=half_safe
        )
        self.torgb = ToRGB(outputs, style)


def fir(image: Tensor) -> Tensor:
    """The low-pass kernel [1, 3, 3, 1]ᵀ[1, 3, 3, 1] / 16 for every channel: [C, 1, 4, 4]."""
    taps = torch.tensor(FIR, device=image.device, dtype=image.dtype) / 4
    return (taps[:, None] * taps).expand(image.shape[1], 1, 4, 4)


def upsample(image: Tensor) -> Tensor:
    """[B, C, r, r] → [B, C, 2r, 2r], filtered, zero beyond the border."""
    return F.conv_transpose2d(image, fir(image), stride=2, padding=1, groups=image.shape[1])
