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
from videoinv.training.least_squares import LeastSquares

SEEN_TO_READ = 96
"""Faces to fit to. The coarsest map has 64 places in an image and 320 channels."""


@dataclass(frozen=True)
class _Reader:
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

    Args:
        network: of a light encoder.
        donor: the other trunk.
        images: batches [B, 3, S, S] in [−1, 1], some dozens of faces in all.

    Returns:
        for every reader, how much of the variance that it read before it reads now (R²).

    Raises:
        BadInputError: if the network has no trunk, or only ones of more maps.
    """
    found = [
        (trunk, [_Fit(reader) for reader in readers])
        for trunk, readers in _readers(network)
        if len(trunk.widths) <= len(donor.widths)
    ]
    if not found:
        raise BadInputError(
            f"the trunk that is to be put in has {len(donor.widths)} maps; this encoder has none "
            "that makes do with them: take another encoder's"
        )
    for batch in images:
        maps = donor(batch)
        for trunk, fits in found:
            before = trunk(batch)
            for fit in fits:
                fit.see(before, maps)
    given = donor.state_dict()
    for trunk, _ in found:
        trunk.load_state_dict({name: given[name] for name in trunk.state_dict()})
    return [fit.settle() for _, fits in found for fit in fits]


def _readers(network: nn.Module) -> Iterator[tuple[EfficientNetLite0, list[_Reader]]]:
    """Every light trunk with all that reads it."""
    for part in network.modules():
        if isinstance(part, CodesNet):
            branch = [_folded(part.features)] if isinstance(part, LightFeatureStyleNet) else []
            yield part.backbone, [_pooled(part.codes.reduce), *branch]
        if isinstance(part, LightHyperNet):
            yield part.w_bar_encoder, [_pooled(part.reduce)]


def _pooled(layers: Iterable[Any]) -> _Reader:
    """Heads pool what they read, which is the same as to read what is pooled."""
    return _Reader(list(layers), lambda _, level: F.adaptive_avg_pool2d(level, SIDE), summed=False)


def _folded(branch: FeatureBranch) -> _Reader:
    """The feature branch adds up what it reads at the features' own side."""
    return _Reader([*branch.maps], branch.folded, summed=True)


class _Fit:
    """One reader's least squares, batch by batch."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        levels = range(len(reader.layers))
        self._groups = [list(levels)] if reader.summed else [[level] for level in levels]
        self._sums = [LeastSquares() for _ in self._groups]

    def see(self, before: Sequence[Tensor], maps: Sequence[Tensor]) -> None:
        """Take in what the trunk of before and the new one made of images."""
        layers, seen = self._reader.layers, self._reader.seen
        for group, sums in zip(self._groups, self._sums, strict=True):
            x = torch.cat([seen(level, maps[level]) for level in group], dim=1)
            y = torch.stack([layers[level](seen(level, before[level])) for level in group]).sum(0)
            sums.add(_places(x), _places(y))

    def settle(self) -> float:
        """Give the layers their new weights; returns R² over all of them."""
        missed = total = 0.0
        for group, sums in zip(self._groups, self._sums, strict=True):
            layers = [self._reader.layers[level] for level in group]
            fitted = sums.solve()
            missed, total = missed + fitted.missed, total + fitted.total
            parts = torch.split(fitted.weight, [layer.in_channels for layer in layers], dim=1)
            for layer, part in zip(layers, parts, strict=True):
                assert layer.bias is not None
                layer.weight.copy_(part[:, :, None, None])
                layer.bias.zero_()
            layers[0].bias.copy_(fitted.bias)  # type: ignore[union-attr]
        return 1 - missed / total if total else 1.0


def _places(maps: Tensor) -> Tensor:
    """[B, C, H, W] → [B·H·W, C]."""
    return maps.movedim(1, -1).flatten(0, 2)
