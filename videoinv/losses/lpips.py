"""LPIPS v0.1 (Zhang et al. 2018): the ``lpips`` package's network with backbones of the catalog.

The package carries only its linear heads and would download the backbones from their author's
site; here they come through ``videoinv.checkpoints`` instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.unpickle import load_numpy_pickle
from videoinv.errors import CheckpointError

Net = Literal["alex", "vgg"]
Features = tuple[Tensor, ...]
"""Unit-length features of five layers, each [B, C, H, W]."""

_BACKBONES: Mapping[Net, tuple[str, str]] = {
    "alex": ("lpips-alexnet", "AlexNet_0"),
    "vgg": ("lpips-vgg16", "VGG16_0"),
}
"""Catalog name, and the key of the convolutions inside that file."""

_EPSILON = 1e-10
"""Added to the norm of a feature vector, as the package does."""


class Lpips(nn.Module):
    """Perceptual distance of images in [−1, 1]; frozen, gradients flow to the images."""

    def __init__(self, scaling: nn.Module, backbone: nn.Module, heads: nn.ModuleList) -> None:
        super().__init__()
        self.scaling = scaling
        self.backbone = backbone
        self.heads = heads
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, also inside a model that trains: the heads have dropout."""
        return super().train(False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """LPIPS of image pairs, [B, 3, H, W] in [−1, 1] each → [B]."""
        return self.distance(self.features(a), self.features(b))

    def features(self, images: Tensor) -> Features:
        """Unit-length features of images [B, 3, H, W] in [−1, 1], to be compared many times."""
        layers: tuple[Tensor, ...] = self.backbone(self.scaling(images))
        return tuple(_unit_length(layer) for layer in layers)

    def distance(self, a: Features, b: Features) -> Tensor:
        """LPIPS from the ``features`` of two batches (of B images each, or one of them of 1) → [B].

        Per layer, the squared difference weighted by the head and averaged over the positions;
        the layers are summed (Eq. 1 of the LPIPS paper).
        """
        layers = zip(self.heads, a, b, strict=True)
        return torch.stack([head((x - y) ** 2).mean((1, 2, 3)) for head, x, y in layers]).sum(0)


def load_lpips(net: Net = "alex") -> Lpips:
    """LPIPS v0.1 on the CPU in float32, with its backbone from the catalog.

    Raises:
        FetchError: the backbone is not cached and cannot be fetched.
    """
    name, key = _BACKBONES[net]
    lpips = _package_network(net)
    _load_convolutions(lpips.net, load_numpy_pickle(fetch(name))[key])
    return Lpips(lpips.scaling_layer, lpips.net, lpips.lins)


def _package_network(net: Net) -> Any:
    """The package's network with its own heads and a random backbone, leaving the RNG alone."""
    import lpips

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # torchvision deprecates the arguments the package uses
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False)


def _load_convolutions(
    backbone: nn.Module, weights: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Copy the arrays Conv_0, Conv_1, … into the convolutions of ``backbone``, in order."""
    convolutions = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    if len(convolutions) != len(weights):
        raise CheckpointError(
            f"the LPIPS backbone has {len(weights)} convolutions, the network {len(convolutions)}"
        )
    for i, convolution in enumerate(convolutions):
        kernel, bias = weights[f"Conv_{i}"]["kernel"], weights[f"Conv_{i}"]["bias"]
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))  # HWIO → OIHW
            convolution.get_parameter("bias").copy_(torch.from_numpy(bias))


def _unit_length(features: Tensor) -> Tensor:
    """Each position's feature vector divided by its norm.

    ``vector_norm`` has gradient 0 where all features are 0; the square root of a sum would
    give NaN there.
    """
    # In float32: ε is 0 in half precision.
    norm: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True, dtype=torch.float32)
    return (features / (norm + _EPSILON)).to(features.dtype)
