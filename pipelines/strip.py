"""Strips: what a direction does to a few generated faces, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from videoinv.editing.directions import Direction, Directions
from videoinv.faces.align import to_images
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

STRENGTHS = (-4.0, -2.0, 0.0, 2.0, 4.0)
SIDE = 256


@torch.no_grad()
def draw_strip(
    generator: Generator,
    direction: Direction,
    seeds: Sequence[int] = (1, 2, 3),
    truncation: float = 0.7,
) -> NDArray[np.uint8]:
    """One row to a seed, one column to a strength: [rows · S, columns · S, 3]."""
    delta = direction.rows(generator.styles).to(generator.mean_codes)
    rows = []
    for seed in seeds:
        z = torch.randn(1, 512, generator=torch.Generator().manual_seed(seed))
        codes = generator.map(z, truncation)
        cells = [
            to_images(generator.synthesize(Latent(codes + strength * delta), SIDE))[0]
            for strength in STRENGTHS
        ]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def save_strips(generator: Generator, directions: Directions, folder: Path) -> None:
    """Write NAME.png for every direction."""
    folder.mkdir(parents=True, exist_ok=True)
    for direction in directions.values():
        strip = draw_strip(generator, direction)
        cv2.imwrite(str(folder / f"{direction.name}.png"), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
