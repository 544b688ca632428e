"""StyleGAN2's forward pass written the straightforward way, as a measure for the fast one.

Every sample's weight is modulated and demodulated (Karras et al. 2020, Eqs. 1 and 3), and one
grouped convolution, with a group per sample, runs the batch. It shares nothing with
``videoinv.generators.stylegan2`` except the tensor names, so that the tests can hold the two
against each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def reference_synthesis(
    tensors: Mapping[str, Tensor], codes: Tensor, weight_offsets: Mapping[str, Tensor] | None = None
) -> Tensor:
    """The images [B, 3, R, R] of codes [B, L, 512], with the stored noise.

    Args:
        tensors: a StyleGAN2 state dict under NVlabs' names, all of the dtype to compute in.
        codes: w⁺, in that dtype.
        weight_offsets: ΔW [B, *weight.shape] by name.
    """
    offsets = weight_offsets or {}
    x = tensors["synthesis.b4.const"].expand(len(codes), -1, -1, -1)
    image: Tensor | None = None
    for level in range(codes.shape[1] // 2):
        name = f"synthesis.b{4 << level}"
        if level:
            x = _layer(x, codes[:, 2 * level - 1], tensors, f"{name}.conv0", offsets, up=True)
        x = _layer(x, codes[:, 2 * level], tensors, f"{name}.conv1", offsets)
        rgb = _to_rgb(x, codes[:, 2 * level + 1], tensors, f"{name}.torgb", offsets)
        image = rgb if image is None else rgb + _filter(_insert_zeros(image), (2, 1))
    assert image is not None
    return image


def _layer(
    x: Tensor,
    code: Tensor,
    tensors: Mapping[str, Tensor],
    name: str,
    offsets: Mapping[str, Tensor],
    *,
    up: bool = False,
) -> Tensor:
    weight = _modulated(code, tensors, name, offsets)
    norm = weight.square().sum((2, 3, 4), keepdim=True)
    x = _grouped(x, weight * (norm + 1e-8).rsqrt(), up=up)
    x = x + tensors[f"{name}.noise_const"] * tensors[f"{name}.noise_strength"]
    x = x + tensors[f"{name}.bias"].view(1, -1, 1, 1)
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def _to_rgb(
    x: Tensor,
    code: Tensor,
    tensors: Mapping[str, Tensor],
    name: str,
    offsets: Mapping[str, Tensor],
) -> Tensor:
    x = _grouped(x, _modulated(code, tensors, name, offsets), up=False)
    return x + tensors[f"{name}.bias"].view(1, -1, 1, 1)


def _modulated(
    code: Tensor, tensors: Mapping[str, Tensor], name: str, offsets: Mapping[str, Tensor]
) -> Tensor:
    """The weights of every sample, [B, O, I, k, k], scaled by 1/√(I·k²)."""
    affine = tensors[f"{name}.affine.weight"]
    styles = F.linear(code, affine / math.sqrt(affine.shape[1]), tensors[f"{name}.affine.bias"])
    weight = tensors[f"{name}.weight"][None]
    if f"{name}.weight" in offsets:
        weight = weight + offsets[f"{name}.weight"]
    return weight * styles[:, None, :, None, None] / math.sqrt(weight[0, 0].numel())


def _grouped(x: Tensor, weight: Tensor, *, up: bool) -> Tensor:
    """One convolution with a group per sample; ``up`` doubles the size and filters."""
    batch, outputs, inputs, kernel, _ = weight.shape
    x = x.reshape(1, batch * inputs, *x.shape[2:])
    if up:
        weight = weight.transpose(1, 2).reshape(batch * inputs, outputs, kernel, kernel)
        x = F.conv_transpose2d(x, weight, stride=2, groups=batch)
        return _filter(x.view(batch, outputs, *x.shape[2:]), (1, 1))
    weight = weight.reshape(batch * outputs, inputs, kernel, kernel)
    x = F.conv2d(x, weight, padding=kernel // 2, groups=batch)
    return x.view(batch, outputs, *x.shape[2:])


def _insert_zeros(x: Tensor) -> Tensor:
    """[B, C, r, r] → [B, C, 2r, 2r], a zero after every pixel in both directions."""
    batch, channels, height, width = x.shape
    wide = torch.stack([x, torch.zeros_like(x)], -1).view(batch, channels, height, 2 * width)
    tall = torch.stack([wide, torch.zeros_like(wide)], 3)
    return tall.view(batch, channels, 2 * height, 2 * width)


def _filter(x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The FIR filter [1, 3, 3, 1]ᵀ[1, 3, 3, 1] / 64 · 4, with padding before and after."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device)
    kernel = (taps[:, None] * taps / 16).expand(x.shape[1], 1, 4, 4)
    before, after = padding
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])
