"""Another trunk under a trained encoder: what reads the maps is fitted to what it read before.

Most of what training teaches is in the heads, and below them a trunk may have died
(``dead_channels.py``). All that reads its maps is linear, 1×1 convolutions, so least squares finds
those that take the same from the maps of a living trunk, as far as it is there to be had. Training
then goes on from nearly the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.light.codes_head import SIDE
from videoinv.encoders.light.efficientnet import EfficientNetLite0
from videoinv.encoders.light.feature_branch import FeatureBranch
from videoinv.encoders.light.feature_style import LightFeatureStyleNet
from videoinv.encoders.light.hyperinverter import LightHyperNet
from videoinv.encoders.light.network import CodesNet
from videoinv.errors import BadInputError

SEEN_TO_READ = 96
"""Faces to fit to. The coarsest map has 64 places in an image and 320 channels."""
RIDGE = 1e-3
"""Part of the inputs' mean variance that is added to that of each."""


@dataclass(frozen=True)
class Reader:
    """What reads a trunk's maps: a 1×1 convolution for each, fine to coarse."""

    layers: Sequence[nn.Conv2d]
    seen: Callable[[int, Tensor], Tensor]
    """Number of a map, and the map → what its layer is applied to, at the side where all meet."""
    summed: bool
    """Whether only the sum of all answers is used, or each by itself."""


@torch.no_grad()
def transplant(
    network: nn.Module, donor: EfficientNetLite0, images: Iterable[Tensor]
) -> list[float]:
    """Put a trunk's weights into those of a network, and fit what reads them, in place.

    Trunks that see more than the image (a reconstruction beside it) stay as they are.

    Args:
        network: of a light encoder.
        donor: a trunk that sees an image.
        images: batches [B, 3, S, S] in [−1, 1], some dozens of faces in all.

    Returns:
        for every reader, how much of the variance that it read before it reads now (R²).

    Raises:
        BadInputError: if no trunk of the network could be the donor's.
    """
    found = [
        (trunk, reader)
        for trunk, reader in _readers(network)
        if trunk.channels == donor.channels and len(trunk.widths) <= len(donor.widths)
    ]
    if not found:
        raise BadInputError(
            f"the trunk that is to be put in sees {donor.channels} channels and has "
            f"{len(donor.widths)} maps; this encoder has none with as many channels and no more "
            "maps: take another encoder's"
        )
    fits = [_Fit(trunk, reader) for trunk, reader in found]
    for batch in images:
        maps = donor(batch)
        for fit in fits:
            fit.see(batch, maps)
    explained = [fit.settle() for fit in fits]
    given = donor.state_dict()
    for trunk, _ in found:
        trunk.load_state_dict({name: given[name] for name in trunk.state_dict()})
    return explained


def _readers(network: nn.Module) -> Iterator[tuple[EfficientNetLite0, Reader]]:
    """All that reads a light trunk, with that trunk."""
    for part in network.modules():
        if isinstance(part, CodesNet):
            yield part.backbone, _pooled(part.codes.reduce)
        if isinstance(part, LightFeatureStyleNet):
            yield part.backbone, _folded(part.features)
        if isinstance(part, LightHyperNet):
            yield part.w_bar_encoder, _pooled(part.reduce)


def _pooled(layers: Iterable[Any]) -> Reader:
    """Heads pool what they read, which is the same as to read what is pooled."""
    return Reader(list(layers), lambda _, level: F.adaptive_avg_pool2d(level, SIDE), summed=False)


def _folded(branch: FeatureBranch) -> Reader:
    """The feature branch adds up what it reads at the features' own side."""
    return Reader([*branch.maps], branch.folded, summed=True)


class _Fit:
    """One reader's least squares, batch by batch."""

    def __init__(self, trunk: EfficientNetLite0, reader: Reader) -> None:
        self._trunk, self._reader = trunk, reader
        levels = range(len(reader.layers))
        self._groups = [list(levels)] if reader.summed else [[level] for level in levels]
        self._sums = [_Sums() for _ in self._groups]

    def see(self, images: Tensor, maps: Sequence[Tensor]) -> None:
        """Take in what the trunk of before and the new one make of images."""
        before = self._trunk(images)
        for group, sums in zip(self._groups, self._sums, strict=True):
            seen = [self._reader.seen(level, maps[level]) for level in group]
            wanted = [
                self._reader.layers[level](self._reader.seen(level, before[level]))
                for level in group
            ]
            sums.add(torch.cat(seen, dim=1), torch.stack(wanted).sum(dim=0))

    def settle(self) -> float:
        """Give the layers their new weights; returns R² over all of them."""
        missed = total = 0.0
        for group, sums in zip(self._groups, self._sums, strict=True):
            layers = [self._reader.layers[level] for level in group]
            weight, bias = sums.solve()
            missed, total = missed + sums.missed(weight), total + sums.total()
            parts = torch.split(weight, [layer.in_channels for layer in layers], dim=1)
            for layer, part in zip(layers, parts, strict=True):
                assert layer.bias is not None
                layer.weight.copy_(part[:, :, None, None])
                layer.bias.zero_()
            layers[0].bias.copy_(bias)  # type: ignore[union-attr]
        return 1 - missed / total if total else 1.0


class _Sums:
    """Σ over places of x, y and their products, with a 1 behind every x: ridge regression of y."""

    def __init__(self) -> None:
        self._products: Tensor | None = None
        self._inputs = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Inputs [B, I, H, W] and what is wanted of them [B, O, H, W]."""
        self._inputs = x.shape[1]
        places = torch.cat([x, y, torch.ones_like(x[:, :1])], dim=1)
        places = places.movedim(1, -1).flatten(0, 2).double()
        products = places.T @ places
        self._products = products if self._products is None else self._products + products

    def solve(self) -> tuple[Tensor, Tensor]:
        """Weight [O, I] and bias [O]."""
        covariance, mean = self._moments()
        n = self._inputs
        ridge = RIDGE * covariance[:n, :n].diagonal().mean().clamp(min=1e-12)
        inputs = covariance[:n, :n] + ridge * torch.eye(n).to(covariance)
        weight = torch.linalg.solve(inputs, covariance[:n, n:]).T
        return weight, mean[n:] - weight @ mean[:n]

    def missed(self, weight: Tensor) -> float:
        """Variance, summed over the outputs, that a weight [O, I] leaves unexplained."""
        covariance, n = self._moments()[0], self._inputs
        cross = covariance[n:, :n]
        explained = 2 * (weight * cross).sum() - (weight @ covariance[:n, :n] * weight).sum()
        return self.total() - float(explained)

    def total(self) -> float:
        """Variance, summed over the outputs."""
        n = self._inputs
        return float(self._moments()[0][n:, n:].trace())

    def _moments(self) -> tuple[Tensor, Tensor]:
        """Covariance and mean of inputs and outputs together."""
        assert self._products is not None
        products = self._products / self._products[-1, -1]
        mean = products[-1, :-1]
        return products[:-1, :-1] - mean.outer(mean), mean
