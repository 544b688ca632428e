"""Does a person stay the same person? TL-ID and TG-ID of Stitch it in Time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 512
"""Rows of the similarity matrix in memory at once."""

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TemporalIdentity:
    """Identity over time, relative to the source: 1.0 is as consistent as the source.

    A result that hardly moves exceeds 1, so neither number is a measure of quality by itself.
    """

    local: float
    """TL-ID: over neighbouring frames"""
    overall: float
    """TG-ID: over all pairs of frames"""


def temporal_identity(source: ArrayLike, edited: ArrayLike) -> TemporalIdentity:
    """TL-ID and TG-ID (Tzaban et al. 2022, Stitch it in Time).

    With S = E·Eᵀ of the unit embeddings E and R = S_edited / S_source, element by element, TL-ID
    is the mean of R's first super-diagonal and TG-ID the mean of R off its diagonal. Time grows
    with T², memory with T only.

    Args:
        source: E of the source's frames, [T, D] with T ≥ 2, rows of length 1.
        edited: E of the same frames, edited; [T, D].

    Raises:
        ValueError: if the shapes differ, a row is not of length 1, or two source frames have
            embeddings at a right angle (the ratio has no value; they show two people).
    """
    E_src, E_ed = _unit_rows(source), _unit_rows(edited)
    if E_src.shape != E_ed.shape or len(E_src) < 2:
        raise ValueError(
            f"embeddings of shape {E_src.shape} and {E_ed.shape}; "
            "there must be as many of both, and of two frames at least"
        )
    count, total, neighbours = len(E_src), 0.0, 0.0
    for start in range(0, count, BLOCK):
        rows = slice(start, start + BLOCK)
        R = _ratio(E_ed[rows] @ E_ed.T, E_src[rows] @ E_src.T)
        total += float(R.sum() - np.trace(R, start))
        neighbours += float(np.trace(R, start + 1))
    return TemporalIdentity(neighbours / (count - 1), total / (count * (count - 1)))


def _ratio(edited: Array, source: Array) -> Array:
    if (np.abs(source) < 1e-6).any():
        raise ValueError("two source frames have orthogonal embeddings: two people in one track?")
    return edited / source


def _unit_rows(embeddings: ArrayLike) -> Array:
    E = np.asarray(embeddings, dtype=np.float64)
    if E.ndim != 2 or not np.allclose(np.linalg.norm(E, axis=1), 1.0, atol=1e-3):
        raise ValueError(
            f"embeddings of shape {E.shape}; they must be [T, D] with rows of length 1"
        )
    return E
