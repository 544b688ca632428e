"""The layers of StyleGAN2, with shared weights for a whole batch and no custom kernel.

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
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Noise = Literal["fixed", "random", "none"]

GAIN = math.sqrt(2)  # keeps the variance through a leaky ReLU of slope 0.2
SLOPE = 0.2
EPSILON = 1e-8
HALF_CLAMP = 256.0  # largest activation of a float16 layer, far from the format's 65504
FIR = (1.0, 3.0, 3.0, 1.0)


class Derived:
    """A tensor computed from parameters, kept until one of them changes.

    While the parameters are being trained it is computed afresh, so that gradients reach them.
    """

    def __init__(self) -> None:
        self._kept: tuple[object, Tensor] | None = None

    def get(self, sources: Sequence[Tensor], compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``, or what it returned for the same values of ``sources``."""
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return compute()
        key = [(s.data_ptr(), s._version, s.dtype, s.device) for s in sources]
        kept = self._kept
        if kept is None or kept[0] != key:
            with torch.inference_mode(False), torch.no_grad():
                kept = (key, compute())
            self._kept = kept
        return kept[1]

    def __deepcopy__(self, memo: dict[int, object]) -> Derived:
        return Derived()


class Float32(nn.Module):
    """A module whose tensors stay in float32: a cast of the network only moves them."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        super()._apply(lambda tensor: tensor.to(fn(tensor).device), recurse)  # type: ignore[no-untyped-call]
        return self


class FullyConnected(Float32):
    """An equalised linear layer: y = act(x · (W·g)ᵀ + b·l), with l the learning-rate multiplier.

    g = l / √inputs. With ``activate`` the activation is the scaled leaky ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        multiplier: float = 1.0,
        bias: float = 0.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.weight_gain = multiplier / math.sqrt(inputs)
        self.multiplier = multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] → [B, outputs]."""
        y = torch.addmm(
            self.bias, x.float(), self.weight.t(), alpha=self.weight_gain, beta=self.multiplier
        )
        return F.leaky_relu(y, SLOPE) * GAIN if self.activate else y


def modulated(weight: Tensor, styles: Tensor) -> Tensor:
    """W·s for every sample: [O, I, k, k] or [B, O, I, k, k] and [B, I] → [B, O, I, k, k]."""
    return weight * styles[:, None, :, None, None]


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
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.resolution, self.up, self.half_safe = resolution, up, half_safe
        self._energy, self._term, self._normalised = Derived(), Derived(), Derived()

    def forward(
        self, x: Tensor, code: Tensor, offset: Tensor | None = None, noise: Noise = "fixed"
    ) -> Tensor:
        """The layer's output [B, O, r, r].

        Args:
            x: [B, I, r, r], or half that side when the layer doubles it.
            code: this layer's row of the codes, [B, style].
            offset: per-sample ΔW [B, O, I, 3, 3] that is added to the weight.
            noise: the stored noise, fresh noise, or none.
        """
        styles = self.affine(code)
        x = x.to(self.weight.dtype)
        if offset is not None or self._folds(x):
            y = self._convolve_folded(x, styles, offset)
            y = y + self._noise(y, noise) * GAIN + (self.bias * GAIN).view(-1, 1, 1)
            y = y.to(x.dtype)
        else:
            y = self._convolve_shared(x, styles, noise)
        y = F.leaky_relu_(y, SLOPE)
        return y.clamp_(-HALF_CLAMP, HALF_CLAMP) if y.dtype == torch.float16 else y

    def _folds(self, x: Tensor) -> bool:
        return False

    def _convolve_shared(self, x: Tensor, styles: Tensor, noise: Noise) -> Tensor:
        weight: Tensor = self.weight
        if x.dtype == torch.float16:
            weight = self._normalised.get([self.weight], self._normalise)
            styles = styles / styles.abs().amax(1, keepdim=True)
        energy = self._energy.get([self.weight], lambda: weight.float().square().sum((2, 3)))
        demodulation = (styles.square() @ energy.t() + EPSILON).rsqrt() * GAIN
        y = self._convolve(x * styles.to(x.dtype)[:, :, None, None], weight)
        return torch.addcmul(
            self._noise_and_bias(y, noise), y, demodulation.to(y.dtype)[..., None, None]
        )

    def _convolve_folded(self, x: Tensor, styles: Tensor, offset: Tensor | None) -> Tensor:
        weight = self.weight.float() if offset is None else self.weight.float() + offset.float()
        weights = modulated(weight, styles)
        scale = (weights.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()
        weights = (weights * (scale * GAIN)).to(x.dtype)
        return torch.cat([self._convolve(x[b : b + 1], weights[b]) for b in range(len(x))])

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, padding=1)
        y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        taps = torch.tensor(FIR, device=y.device, dtype=y.dtype)
        kernel = (taps[:, None] * taps / 16).expand(y.shape[1], 1, 4, 4)
        return F.conv2d(y, kernel, padding=1, groups=y.shape[1])

    def _normalise(self) -> Tensor:
        """W scaled per output channel so that a float16 sum cannot overflow."""
        weight = self.weight.float()
        largest = weight.abs().amax((1, 2, 3), keepdim=True)
        return (weight / (largest * math.sqrt(weight[0].numel()))).to(self.weight.dtype)

    def _noise(self, y: Tensor, noise: Noise) -> Tensor:
        """Noise · strength, [1 or B, 1, r, r]."""
        if noise == "none":
            return torch.zeros((1, 1, 1, 1), device=y.device)
        if noise == "random":
            side = self.resolution
            return torch.randn(len(y), 1, side, side, device=y.device) * self.noise_strength
        return (self.noise_const * self.noise_strength)[None, None]

    def _noise_and_bias(self, y: Tensor, noise: Noise) -> Tensor:
        """(noise · strength + bias) · gain in y's dtype, [1 or B, O, r or 1, r or 1]."""

        def compute() -> Tensor:
            return ((self._noise(y, noise) + self.bias.view(-1, 1, 1)) * GAIN).to(y.dtype)

        if noise != "fixed":
            return compute()
        return self._term.get([self.noise_const, self.noise_strength, self.bias], compute)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        """Cast the weight only; float16 leaves the weights of coarse layers in float32."""

        def cast(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            keep = changed.dtype == torch.float16 and not self.half_safe
            return changed if tensor.dim() == 4 and not keep else tensor.to(changed.device)

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
        """[B, I, r, r] and [B, style] → [B, 3, r, r] in float32; ``offset`` [B, 3, I, 1, 1]."""
        weight = self.weight if offset is None else self.weight + offset.float()
        styles = self.affine(code) / math.sqrt(x.shape[1])
        weights = modulated(weight, styles).flatten(2).to(x.dtype)
        rgb = torch.bmm(weights, x.flatten(2)).float() + self.bias[:, None]
        return rgb.view(len(x), 3, *x.shape[2:])


def upsample(image: Tensor) -> Tensor:
    """[B, C, r, r] → [B, C, 2r, 2r] by the FIR taps [1, 3, 3, 1], zero beyond the border."""
    taps = torch.tensor(FIR, device=image.device, dtype=image.dtype) / 4
    kernel = (taps[:, None] * taps).expand(image.shape[1], 1, 4, 4)
    return F.conv_transpose2d(image, kernel, stride=2, padding=1, groups=image.shape[1])
