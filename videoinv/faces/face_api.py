"""The file format and the layers of the face-api networks.

A manifest (JSON) lists the tensors in the order in which one binary file holds them, each either
as float32 or as uint8 with value = scale · byte + min. Tensors are named by TensorFlow's layout:
filters are [height, width, in, out], and convolutions pad as TensorFlow's "same" does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.errors import CheckpointError

INPUT_SIZE = 112
_MEAN_RGB = (122.782, 117.001, 104.298)

Weights = Mapping[str, Tensor]


def read_weights(manifest: Path, binary: Path) -> dict[str, Tensor]:
    """The tensors of a face-api model by name, dequantised to float32.

    Raises:
        CheckpointError: if the two files do not fit each other or are something else.
    """
    try:
        groups = json.loads(manifest.read_text())
        entries = [entry for group in groups for entry in group["weights"]]
        return _split(entries, binary.read_bytes())
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{manifest} and {binary} are no face-api manifest and weights that belong "
            f"together: {error}"
        ) from error


def _split(entries: list[dict[str, Any]], data: bytes) -> dict[str, Tensor]:
    tensors, offset = {}, 0
    for entry in entries:
        values, offset = _take(entry, data, offset)
        tensors[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
    if offset != len(data):
        raise ValueError(f"{len(data)} bytes where the manifest lists {offset}")
    return tensors


def _take(entry: dict[str, Any], data: bytes, offset: int) -> tuple[NDArray[np.float32], int]:
    quantisation = entry.get("quantization")
    dtype = np.dtype(quantisation["dtype"] if quantisation else "float32").newbyteorder("<")
    count = prod(entry["shape"])
    values = np.frombuffer(data, dtype, count, offset).astype(np.float32)
    if quantisation:
        values = values * np.float32(quantisation["scale"]) + np.float32(quantisation["min"])
    return values, offset + count * dtype.itemsize


class Convolution(nn.Module):
    """A convolution with bias, from ``<name>/filters`` and ``<name>/bias``."""

    def __init__(self, weights: Weights, name: str, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.filters = _parameter(weights[f"{name}/filters"].permute(3, 2, 0, 1))
        self.bias = _parameter(weights[f"{name}/bias"])

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C', H / stride, W / stride]."""
        x = same_padding(x, self.filters.shape[-1], self.stride)
        return F.conv2d(x, self.filters, self.bias, self.stride)


class SeparableConvolution(nn.Module):
    """A depthwise 3×3 and a pointwise convolution with one bias at the end."""

    def __init__(self, weights: Weights, name: str, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = _parameter(weights[f"{name}/depthwise_filter"].permute(2, 3, 0, 1))
        self.pointwise = _parameter(weights[f"{name}/pointwise_filter"].permute(3, 2, 0, 1))
        self.bias = _parameter(weights[f"{name}/bias"])

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C', H / stride, W / stride]."""
        x = same_padding(x, self.depthwise.shape[-1], self.stride)
        x = F.conv2d(x, self.depthwise, None, self.stride, groups=x.shape[1])
        return F.conv2d(x, self.pointwise, self.bias)


class Dense(nn.Module):
    """A linear layer, from ``<name>/weights`` and ``<name>/bias``."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.matrix = _parameter(weights[f"{name}/weights"].t())
        self.bias = _parameter(weights[f"{name}/bias"])

    def forward(self, x: Tensor) -> Tensor:
        """[B, C] → [B, C']."""
        return F.linear(x, self.matrix, self.bias)


def same_padding(x: Tensor, kernel: int, stride: int, value: float = 0.0) -> Tensor:
    """TensorFlow's "same" padding of a tensor whose sides the stride divides.

    The odd pixel goes to the right and the bottom, where PyTorch's own padding is symmetric.
    """
    total = max(kernel - stride, 0)
    before, after = total // 2, total - total // 2
    return F.pad(x, (before, after, before, after), value=value)


def normalise(images: Tensor) -> Tensor:
    """Images [B, 3, H, W] in [−1, 1], RGB, as the networks were trained: (byte − mean) / 255."""
    mean = torch.tensor(_MEAN_RGB, device=images.device).view(1, 3, 1, 1)
    scaled = ((images.float() + 1) * 127.5 - mean) / 255
    # Depthwise convolutions run twice as fast on the CPU in this layout.
    return scaled.contiguous(memory_format=torch.channels_last)


def _parameter(tensor: Tensor) -> nn.Parameter:
    layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
    return nn.Parameter(tensor.contiguous(memory_format=layout), requires_grad=False)
