"""Directions found without labels: SeFa and GANSpace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from videoinv.editing.directions import Direction, Directions
from videoinv.generators.protocol import Generator


@runtime_checkable
class StyledGenerator(Generator, Protocol):
    """A generator that shows the affine layers through which a row of codes acts."""

    def style_weights(self, row: int) -> Tensor:
        """The affine layer A of one row: [C, 512]."""


def sefa(generator: StyledGenerator, rows: Sequence[int], count: int) -> Directions:
    """The directions that change the chosen rows' styles most (Shen & Zhou, 2021, Eq. 7).

    They are the leading eigenvectors of AᵀA, where A stacks the rows' affine layers, each
    output normalised to unit length; the direction moves these rows only.
    """
    stacked = torch.cat([generator.style_weights(row).detach().float().cpu() for row in rows])
    stacked = stacked / stacked.norm(dim=1, keepdim=True)
    _, vectors = torch.linalg.eigh(stacked.T @ stacked)
    leading = vectors.flip(1)[:, :count].T
    return _on_rows("sefa", leading, rows, generator.styles)


@torch.no_grad()
def ganspace(
    generator: Generator, rows: Sequence[int], count: int, samples: int = 10_000, seed: int = 0
) -> Directions:
    """The principal components of W (Härkönen et al., 2020), on the chosen rows.

    Strength 1 is one standard deviation of the samples along the component.
    """
    z = torch.randn(samples, 512, generator=torch.Generator().manual_seed(seed))
    w = torch.cat([generator.map(part)[:, 0] for part in torch.split(z, 1000)]).cpu()
    _, deviations, components = torch.linalg.svd(w - w.mean(dim=0), full_matrices=False)
    scaled = components * (deviations / samples**0.5)[:, None]
    return _on_rows("ganspace", scaled[:count], rows, generator.styles)


def _on_rows(kind: str, vectors: Tensor, rows: Sequence[int], styles: int) -> Directions:
    """Name the vectors ``kind0``, ``kind1``, … and place each on the rows that it moves."""
    found = {}
    for index, vector in enumerate(vectors):
        delta = torch.zeros(styles, len(vector))
        delta[list(rows)] = vector
        name = f"{kind}{index}"
        found[name] = Direction(name, delta, f"{kind} on rows {min(rows)}-{max(rows)}")
    return Directions(found)
