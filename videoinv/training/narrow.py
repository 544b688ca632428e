"""A smaller codes head that answers as a trained one does, as nearly as its size allows.

A system whose networks are smaller, or which has one style for all rows, need not begin at nothing.
Of every layer's channels those are kept that tell the most (pivoted QR of what they say, weighed by
how much is read of each); least squares writes the others as sums of these, and the weights that
read them are folded into those that read the kept ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import scipy.linalg
import torch
from torch import Tensor, nn

from videoinv.encoders.light.codes_head import CodesHead, HeadSteps
from videoinv.training.least_squares import LeastSquares

SEEN_TO_CHOOSE = 480
"""Faces to choose by: some more than a group of rows has hidden numbers."""
PLACES = 20_000
"""Places of all maps of one kind that are looked at."""


def fits_into(head: CodesHead, trained: CodesHead) -> bool:
    """Whether a head is a smaller one of the same kind.

    It reads the first maps of the same trunk, keeps as much of each, is nowhere larger inside, and
    has the same groups of rows or a single row.
    """
    read, most = _outputs(head.reduce), _outputs(trained.reduce)
    inner, largest = (_outputs([h.mix, h.shrink, h.hidden[0]]) for h in (head, trained))
    is_smaller = all(own <= other for own, other in zip(inner, largest, strict=True))
    return is_smaller and read == most[: len(read)] and _rows(head) in (_rows(trained), [1])


@torch.no_grad()
def narrow(head: CodesHead, trained: CodesHead, said: HeadSteps) -> None:
    """Give a head, in place, what another one has learnt.

    Args:
        head: one that fits into the other (:func:`fits_into`). A single row becomes the mean
            of all.
        trained: the other head.
        said: what that one says of some hundreds of faces.
    """
    for own, theirs in zip(head.reduce, trained.reduce, strict=False):
        own.load_state_dict(theirs.state_dict())
    levels = sum(_outputs(head.reduce))
    read = _Kept.of(_places(said.read), list(range(levels)))
    weight, bias = read.folded(*_weights(trained.mix))

    mixed = _Kept.best(_places(said.mixed), trained.shrink.weight, head.mix.out_channels)
    _set(head.mix, weight[mixed.kept], bias[mixed.kept])
    weight, bias = mixed.folded(*_weights(trained.shrink))

    cells, _ = _joined(trained.hidden, trained)
    shrunk = _Kept.best(_places(said.shrunk), cells, head.shrink.out_channels)
    _set(head.shrink, weight[shrunk.kept], bias[shrunk.kept])

    if len(head.hidden) == len(trained.hidden):
        _narrow_groups(head, trained, said, shrunk)
    else:
        _narrow_to_one_row(head, trained, said, shrunk)
    head.basis.copy_(trained.basis)


def _narrow_groups(head: CodesHead, trained: CodesHead, said: HeadSteps, shrunk: _Kept) -> None:
    """Every group of rows from its own, and the shared row from what all of them keep."""
    shared, constant = _weights(trained.shared)
    parts = []
    for index, part in enumerate(shared.chunk(len(head.hidden), dim=1)):
        weight, bias = _weights(trained.rows[index])
        units = _Kept.best(
            said.hidden[index], torch.cat([weight, part]), _outputs(head.hidden)[index]
        )
        own = slice(index, index + 1)
        _set_hidden(head, trained, groups=own, units=units, shrunk=shrunk)
        _set(head.rows[index], *units.folded(weight, bias))
        kept, constant = units.folded(part, constant)
        parts.append(kept)
    _set(head.shared, torch.cat(parts, dim=1), constant)


def _narrow_to_one_row(head: CodesHead, trained: CodesHead, said: HeadSteps, shrunk: _Kept) -> None:
    """One row, the mean of all, from what tells the most of it in all groups."""
    rows, biases = zip(*map(_weights, trained.rows), strict=True)
    shared, constant = _weights(trained.shared)
    sums = [torch.stack(torch.split(weight, head.dim)).sum(dim=0) for weight in rows]
    weight = shared + torch.cat(sums, dim=1) / sum(_rows(trained))
    bias = constant + torch.stack(torch.split(torch.cat(biases), head.dim)).mean(dim=0)
    units = _Kept.best(torch.cat(said.hidden, dim=1), weight, _outputs(head.hidden)[0])
    _set_hidden(head, trained, groups=slice(None), units=units, shrunk=shrunk)
    _set(head.rows[0], *units.folded(weight, bias))
    for tensor in _weights(head.shared):
        nn.init.zeros_(tensor)


def _set_hidden(
    head: CodesHead, trained: CodesHead, *, groups: slice, units: _Kept, shrunk: _Kept
) -> None:
    """A hidden layer with its further inputs, from those of ``groups`` of the other head."""
    index = groups.start or 0
    weight, bias = shrunk.folded(*_joined(trained.hidden[groups], trained))
    _set(head.hidden[index], weight[units.kept].flatten(1), bias[units.kept])
    for name in ("person", "expression"):
        if hasattr(head, name) and hasattr(trained, name):
            pairs = [_weights(each) for each in getattr(trained, name)[groups]]
            weight, bias = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
            _set(getattr(head, name)[index], weight[units.kept], bias[units.kept])


@dataclass(frozen=True)
class _Kept:
    """Channels that are kept, and the others as sums of these."""

    kept: list[int]
    left: list[int]
    sums: Tensor
    """[kept, left]."""
    constants: Tensor
    """[left]."""

    @classmethod
    def best(cls, said: Tensor, readers: Tensor, count: int) -> _Kept:
        """Those that tell the most of what is read.

        Args:
            said: [N, C].
            readers: weights [O, C, …] by which they are read.
            count: how many to keep.
        """
        read = readers.transpose(0, 1).flatten(1).norm(dim=1)
        weighed = (said - said.mean(dim=0)) * read
        _, order = scipy.linalg.qr(weighed.cpu().double().numpy(), mode="r", pivoting=True)
        return cls.of(said, sorted(int(channel) for channel in order[:count]))

    @classmethod
    def of(cls, said: Tensor, kept: list[int]) -> _Kept:
        """These; ``said`` is [N, C]."""
        left = sorted(set(range(said.shape[1])) - set(kept))
        sums = LeastSquares()
        sums.add(said[:, kept], said[:, left])
        fitted = sums.solve()
        return cls(kept, left, fitted.weight.T.to(said), fitted.bias.to(said))

    def folded(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [O, C, …] over all channels → [O, kept, …] over those kept, and the bias [O]."""
        left = weight[:, self.left]
        constant = torch.einsum("ol...,l->o...", left, self.constants).reshape(len(weight), -1)
        moved = torch.einsum("ol...,kl->ok...", left, self.sums)
        return weight[:, self.kept] + moved, bias + constant.sum(dim=1)


def _places(maps: Tensor) -> Tensor:
    """Evenly drawn places [N, C] of maps [B, C, H, W]."""
    places = maps.movedim(1, -1).flatten(0, 2)
    return places[:: max(1, len(places) // PLACES)]


def _joined(hidden: Iterable[nn.Module], head: CodesHead) -> tuple[Tensor, Tensor]:
    """Weights [O, C, cells] and biases [O] of hidden layers, one behind the other."""
    pairs = [_weights(each) for each in hidden]
    weight, bias = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
    return weight.reshape(len(weight), head.shrink.out_channels, -1), bias


def _weights(layer: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None
    return layer.weight, layer.bias


def _set(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    for own, new in zip(_weights(layer), (weight, bias), strict=True):
        own.copy_(new)


def _rows(head: CodesHead) -> list[int]:
    return [count // head.dim for count in _outputs(head.rows)]


def _outputs(layers: Iterable[nn.Module]) -> list[int]:
    return [len(_weights(layer)[0]) for layer in layers]
