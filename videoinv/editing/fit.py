"""Directions from scored samples, as InterFaceGAN finds them (Shen et al., 2020).

An attribute splits the codes by a hyperplane; its unit normal is the direction. Conditional
manipulation (§3.3 there) takes from one normal its part in the span of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from videoinv.errors import BadInputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hyperplane:
    """The boundary of one attribute in W."""

    normal: Array
    """[512], of unit length, towards higher scores."""
    accuracy: float
    """Share of held-out samples on the right side."""


def fit_hyperplane(
    codes: Array, scores: Array, *, extreme: float = 0.25, decay: float = 1e-2, seed: int = 0
) -> Hyperplane:
    """Separate the highest from the lowest scores by a linear support vector machine.

    Args:
        codes: [N, 512].
        scores: [N]; samples whose score is NaN are left out.
        extreme: share of the samples taken from each end; the middle says little.
        decay: weight of ½‖n‖² beside the mean squared hinge loss, in units of the codes' spread.
        seed: of the split that holds out a fifth.

    Raises:
        BadInputError: if too few samples have a score.
    """
    valid = np.isfinite(scores)
    codes, scores = codes[valid], scores[valid]
    count = int(len(scores) * extreme)
    if count < 20:
        raise BadInputError(
            f"{len(scores)} samples have a score; at least {int(20 / extreme)} are needed"
        )
    order = np.argsort(scores)
    x = np.concatenate([codes[order[:count]], codes[order[-count:]]])
    y = np.repeat([-1.0, 1.0], count)
    held_out = np.random.default_rng(seed).random(len(y)) < 0.2
    centre, spread = x.mean(axis=0), x.std()
    x = (x - centre) / spread
    normal, bias = _squared_hinge(x[~held_out], y[~held_out], decay)
    right = np.sign(x[held_out] @ normal + bias) == y[held_out]
    return Hyperplane(normal / np.linalg.norm(normal), float(right.mean()))


def _squared_hinge(x: Array, y: Array, decay: float) -> tuple[Array, float]:
    """Minimise mean max(0, 1 − y(xn + b))² + decay/2 ‖n‖² by L-BFGS."""

    def loss(parameters: Array) -> tuple[float, Array]:
        normal, bias = parameters[:-1], parameters[-1]
        slack = np.maximum(0.0, 1.0 - y * (x @ normal + bias))
        pull = -2.0 * slack * y / len(y)
        gradient = np.append(x.T @ pull + decay * normal, pull.sum())
        return float((slack**2).mean() + 0.5 * decay * normal @ normal), gradient

    found = scipy.optimize.minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B")
    return found.x[:-1], float(found.x[-1])


def condition(normal: Array, others: Sequence[Array]) -> Array:
    """Take from a unit normal what lies in the span of the others (InterFaceGAN, Eq. 5–6).

    Args:
        normal: [512].
        others: normals [512] of the attributes that shall not change.
    """
    if not others:
        return normal
    basis = scipy.linalg.orth(np.stack(others, axis=1))
    rest = normal - basis @ (basis.T @ normal)
    unit: Array = rest / np.linalg.norm(rest)
    return unit


def condition_all(
    normals: Mapping[str, Array], keep: Mapping[str, Sequence[str]]
) -> dict[str, Array]:
    """Condition every normal on those that ``keep`` names for it."""
    return {
        name: condition(normal, [normals[other] for other in keep.get(name, ())])
        for name, normal in normals.items()
    }
