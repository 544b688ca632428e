"""Weights and inputs that anyone can make again: a value depends on its name, shape and a seed.

The expected outputs beside this file were computed by the published implementations on exactly
these weights, under the published tensor names. Spreads are chosen so that random networks stay
in the range of trained ones (images near [-1, 1]).
"""

import math
import zlib
from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

GENERATORS = ("decoder", "synthesis", "mapping", "G")


def state_dict(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, Tensor]:
    """A whole state dict from published names and shapes."""
    return {name: value(name, shape, shapes.keys(), seed) for name, shape in shapes.items()}


def rand_image(shape: Sequence[int], seed: int = 0) -> Tensor:
    """Soft blobs with a little noise, in [-1, 1]."""
    generator = _generator("input", seed)
    blobs = torch.randn((*shape[:2], 16, 16), generator=generator)
    noise = torch.randn(tuple(shape), generator=generator) * 0.1
    size = tuple(shape[2:])
    smooth = F.interpolate(blobs, size=size, mode="bilinear", align_corners=False)
    return (smooth * 0.5 + noise).clamp(-1, 1)


def value(name: str, shape: Sequence[int], names: Collection[str], seed: int = 0) -> Tensor:
    """One tensor; ``names`` tells a batch norm's weight from a PReLU's by its siblings."""
    prefix, _, leaf = name.rpartition(".")
    if leaf == "num_batches_tracked":
        return torch.zeros((), dtype=torch.long)
    if leaf in ("kernel", "resample_filter"):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        return taps[:, None] * taps / 64 * (4 if leaf == "kernel" else 1)
    generator = _generator(name, seed)
    low_high = _uniform(name, leaf, shape, prefix + ".running_mean" in names)
    if low_high is not None:
        low, high = low_high
        return torch.rand(tuple(shape), generator=generator) * (high - low) + low
    mean, spread = _normal(name, leaf, shape, prefix + ".running_mean" in names)
    return torch.randn(tuple(shape), generator=generator) * spread + mean


def _generator(name: str, seed: int) -> torch.Generator:
    generator = torch.Generator()
    return generator.manual_seed((zlib.crc32(name.encode()) ^ (seed * 0x9E3779B1)) & 0x7FFFFFFF)


def _uniform(
    name: str, leaf: str, shape: Sequence[int], batch_norm: bool
) -> tuple[float, float] | None:
    if leaf == "running_var" or (batch_norm and leaf == "weight"):
        return 0.5, 1.5
    prelu = leaf == "weight" and len(shape) == 1 and not name.endswith("noise.weight")
    return (0.1, 0.4) if prelu else None


def _normal(name: str, leaf: str, shape: Sequence[int], batch_norm: bool) -> tuple[float, float]:
    """Mean and standard deviation."""
    if "noises.noise_" in name or leaf in ("noise_const", "const", "input"):
        return 0, 1
    if leaf in ("w1", "w2"):
        return 0, shape[0] ** -0.5
    if leaf in ("b1", "b2"):
        return 0, 0.01
    if leaf == "bias" and not batch_norm:
        return _bias(name)
    if leaf == "weight" and not name.endswith("noise.weight"):
        return 0, _weight_spread(name, shape)
    return 0, 0.1


def _bias(name: str) -> tuple[float, float]:
    if name.endswith(("modulation.bias", "affine.bias")):
        return 1, 0.1
    mapping = name.startswith(("decoder.style.", "mapping.fc")) or ".mapping.fc" in name
    return 0, (10 if mapping else 0.05)


def _weight_spread(name: str, shape: Sequence[int]) -> float:
    top = name.split(".", maxsplit=1)[0]
    if ("to_rgb" in name or "torgb" in name) and top != "hypernet":
        return 1 if name.endswith(("modulation.weight", "affine.weight")) else 0.1
    if top in GENERATORS:
        return 100 if ".style." in name or "mapping.fc" in name else 1
    if name.endswith("linear.weight") and ("styles." in name or top == "w_encoder"):
        return 0.1
    e2style_head = top.startswith(("encoder_firststage", "encoder_refinestage_list"))
    scale = 0.1 if e2style_head and len(shape) == 2 else 1
    return scale * math.prod(shape[1:]) ** -0.5
