"""From the trunk's maps to codes: one shared row and a residual for each, in whitened W.

A head may have two more inputs (ours): an embedding of the person, and numbers for what the face
does. The networks that make them have learnt from photographs of real people; the faces that codes
are learnt from, generated ones, are of few kinds and seldom laugh. Without these inputs the codes
show somebody alike, whose lips open half as far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.generators.protocol import Generator

SIDE = 8
"""Side of the cells to which all maps are brought."""
EXPRESSION_GAIN = 5.0
"""Multiplies the numbers of an expression: their layers begin at zero and learn as fast as their
input is large."""
SAMPLES = 8192
FLOOR = 0.05
"""Smallest standard deviation of a direction of W, as a part of the largest: all stay reachable."""


@dataclass(frozen=True)
class HeadSize:
    """Capacity of the head."""

    reduced: tuple[int, ...] = (32, 48, 80, 96)
    """Channels that each of the maps keeps, fine to coarse."""
    channels: int = 256
    """Channels at 8² and 4²."""
    hidden: int = 208
    """Width of the vector from which each group of rows is made."""
    person: int = 0
    """Length of the embedding that says who it is; 0: there is no such input."""
    expression: int = 0
    """Numbers that say what the face does (``expression.py``); 0: there is no such input."""


class HeadSteps(NamedTuple):
    """What the layers of a head say on the way to codes."""

    read: Tensor
    """[B, ΣC, 8, 8]: what is kept of the maps, one behind the other."""
    mixed: Tensor
    """[B, C, 8, 8]."""
    shrunk: Tensor
    """[B, C, 4, 4]."""
    hidden: list[Tensor]
    """[B, H] for each group of rows."""


def joined_steps(parts: Sequence[HeadSteps]) -> HeadSteps:
    """Those of several batches, one behind the other."""
    read, mixed, shrunk, hidden = zip(*parts, strict=True)
    groups = [torch.cat(group) for group in zip(*hidden, strict=True)]
    return HeadSteps(torch.cat(read), torch.cat(mixed), torch.cat(shrunk), groups)


class CodesHead(nn.Module):
    """Maps → what to add to the mean codes, [B, L, 512].

    All maps meet at 8², are mixed and brought to 4², and each group of rows reads every cell
    there: where something is matters for codes (pose, hair), so nothing is averaged away. Every
    row is a shared one plus its own residual, as in e4e, and both are in units of the standard
    deviations of W: the mapping network's own directions are near, foreign ones far.

    Args:
        widths: channels of the maps, fine to coarse.
        groups: how many rows each group has, coarse rows first.
        size: capacity.
    """

    basis: Tensor

    def __init__(
        self, widths: Sequence[int], groups: Sequence[int], size: HeadSize, dim: int = 512
    ) -> None:
        super().__init__()
        self.dim = dim
        kept = size.reduced[: len(widths)]
        self.reduce = nn.ModuleList(
            nn.Conv2d(width, keep, 1) for width, keep in zip(widths, kept, strict=True)
        )
        self.mix = nn.Conv2d(sum(kept), size.channels, 3, padding=1)
        self.shrink = nn.Conv2d(size.channels, size.channels, 3, 2, padding=1)
        cells = size.channels * (SIDE // 2) ** 2
        self.hidden = nn.ModuleList(nn.Linear(cells, size.hidden) for _ in groups)
        if size.person:
            self.person = _added_inputs(size.person, size.hidden, len(groups))
        if size.expression:
            self.expression = _added_inputs(size.expression, size.hidden, len(groups))
        self.shared = nn.Linear(size.hidden * len(groups), dim)
        self.rows = nn.ModuleList(nn.Linear(size.hidden, rows * dim) for rows in groups)
        self.register_buffer("basis", torch.eye(dim))

    def begin_at_zero(self) -> None:
        """Let the head add nothing until it is trained."""
        for layer in (self.shared, *self.rows):
            assert isinstance(layer, nn.Linear)
            _zero(layer)

    def forward(
        self,
        maps: Sequence[Tensor],
        person: Tensor | None = None,
        expression: Tensor | None = None,
    ) -> Tensor:
        """[B, L, 512] in float32.

        Args:
            maps: of the trunk, fine to coarse.
            person: unit embeddings [B, ``size.person``], for a head with this input.
            expression: [B, ``size.expression``] of unit deviation, likewise.
        """
        hidden = self.steps(maps, person, expression).hidden
        shared = self.shared(torch.cat(hidden, dim=1))[:, None]
        rows = [
            layer(group).unflatten(1, (-1, self.dim))
            for layer, group in zip(self.rows, hidden, strict=True)
        ]
        whitened: Tensor = shared + torch.cat(rows, dim=1)
        return whitened.float() @ self.basis.float()

    def steps(
        self,
        maps: Sequence[Tensor],
        person: Tensor | None = None,
        expression: Tensor | None = None,
    ) -> HeadSteps:
        """What the layers make of what :meth:`forward` is given, up to the last ones."""
        parts = [F.adaptive_avg_pool2d(r(x), SIDE) for r, x in zip(self.reduce, maps, strict=True)]
        read = torch.cat(parts, dim=1)
        mixed = F.leaky_relu(self.mix(read), 0.2)
        shrunk = F.leaky_relu(self.shrink(mixed), 0.2)
        hidden = [layer(shrunk.flatten(1)) for layer in self.hidden]
        if person is not None:
            # Unit length over many numbers leaves each of them small.
            known = person.to(read) * person.shape[1] ** 0.5
            hidden = [h + layer(known) for h, layer in zip(hidden, self.person, strict=True)]
        if expression is not None:
            known = EXPRESSION_GAIN * expression.to(read)
            hidden = [h + layer(known) for h, layer in zip(hidden, self.expression, strict=True)]
        return HeadSteps(read, mixed, shrunk, [F.leaky_relu(h, 0.2) for h in hidden])


def _added_inputs(numbers: int, hidden: int, groups: int) -> nn.ModuleList:
    """For each group of rows a layer that adds further inputs to its vector; at first nothing."""
    return nn.ModuleList(_zero(nn.Linear(numbers, hidden)) for _ in range(groups))


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def code_basis(generator: Generator, samples: int = SAMPLES) -> Tensor:
    """Σ^½ of the generator's W, [512, 512]: whitened coordinates times it are codes.

    Estimated with a fixed seed; Σ's small eigenvalues are raised to a floor.
    """
    z = torch.randn(samples, 512, generator=torch.Generator().manual_seed(0))
    w = generator.map(z)[:, 0].cpu()
    values, vectors = torch.linalg.eigh(torch.cov(w.T))
    deviations = values.clamp(min=0).sqrt()
    deviations = deviations.clamp(min=float(FLOOR * deviations.max()))
    basis: Tensor = vectors @ torch.diag(deviations) @ vectors.T
    return basis
