"""Ridge regression with a constant, from sums that are taken in batch by batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

RIDGE = 1e-3
"""Part of the inputs' mean variance that is added to that of each."""


class Fitted(NamedTuple):
    """y ≈ weight · x + bias."""

    weight: Tensor
    """[O, I]."""
    bias: Tensor
    """[O]."""
    missed: float
    """Variance, summed over the outputs, that stays unexplained."""
    total: float
    """Variance, summed over the outputs."""


class LeastSquares:
    """Σ of x, y and their products, in double precision."""

    def __init__(self) -> None:
        self._products: Tensor | None = None
        self._inputs = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Take in inputs [N, I] and what is wanted of them [N, O]."""
        self._inputs = x.shape[1]
        rows = torch.cat([x, y, torch.ones_like(x[:, :1])], dim=1).double()
        products = rows.T @ rows
        self._products = products if self._products is None else self._products + products

    def solve(self) -> Fitted:
        """The weights, in double precision; something must have been added."""
        assert self._products is not None
        moments = self._products / self._products[-1, -1]
        mean = moments[-1, :-1]
        covariance = moments[:-1, :-1] - mean.outer(mean)
        n = self._inputs
        inputs, cross = covariance[:n, :n], covariance[:n, n:]
        ridge = RIDGE * inputs.diagonal().mean().clamp(min=1e-12) * torch.eye(n).to(inputs)
        weight = torch.linalg.solve(inputs + ridge, cross).T
        explained = 2 * (weight.T * cross).sum() - (weight @ inputs * weight).sum()
        total = covariance[n:, n:].trace()
        return Fitted(weight, mean[n:] - weight @ mean[:n], float(total - explained), float(total))
