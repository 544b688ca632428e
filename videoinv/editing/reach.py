"""How far down a direction has to reach: what it does to later rows is colour, and not the edit.

A hyperplane in W knows nothing of rows. Added to all of them, a smile darkens the skin and age
makes it yellow, because such faces were darker or yellower among the samples. StyleGAN's later
rows hold colour and the earlier ones shape (Karras et al. 2019, §3.1), so a direction is kept to
the first rows, as far as its attribute needs them (ours; in the manner of GANSpace, §3.3, where
people chose the rows).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

Score = Callable[[Tensor], NDArray[np.float64]]
"""Images [B, 3, S, S] → how much of an attribute each shows, [B]; NaN where nothing can be said."""

SIDE = 256
BATCH = 4


def kept_to_first_rows(
    generator: Generator,
    delta: Tensor,
    score: Score,
    codes: Tensor,
    *,
    strength: float = 2.0,
    part: float = 0.9,
) -> tuple[Tensor, int]:
    """The direction in the rows of as few layers as make enough of its change, and 0 in the others.

    Args:
        generator: whose rows they are.
        delta: the direction, [512].
        score: of its attribute.
        codes: faces to try it on, [B, L, 512].
        strength: with which it is tried.
        part: of the change that all rows together make.

    Returns:
        The direction [L, 512], and the side in pixels of the last features that it reaches. All
        rows, if those together do not raise the attribute: then there is nothing to go by.
    """
    everywhere = strength * delta.expand(generator.styles, -1)
    before = _scores(generator, score, codes)
    whole = _change(before, _scores(generator, score, codes + everywhere))
    if not whole > 0:
        return everywhere / strength, generator.resolution
    for layer in range(generator.layers):
        rows = generator.rows_through(layer)
        kept = torch.zeros_like(everywhere)
        kept[:rows] = everywhere[:rows]
        if _change(before, _scores(generator, score, codes + kept)) >= part * whole:
            return kept / strength, generator.feature_shape(layer)[1]
    return everywhere / strength, generator.resolution


@torch.no_grad()
def _scores(generator: Generator, score: Score, codes: Tensor) -> NDArray[np.float64]:
    side = min(SIDE, generator.resolution)
    codes = codes.to(generator.device)
    batches = (Latent(codes[start : start + BATCH]) for start in range(0, len(codes), BATCH))
    images = (generator.synthesize(batch, side).float().clamp(-1, 1) for batch in batches)
    return np.concatenate([score(batch) for batch in images])


def _change(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    return float(np.nanmean(after - before))
