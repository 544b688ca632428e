"""Strips: what a direction does to a few generated faces, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.folders import make_folder
from pipelines.pictures import write_picture
from videoinv.editing.directions import Direction, Directions
from videoinv.faces.align import to_images
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

STRENGTHS = (-3.0, -1.5, 0.0, 1.5, 3.0)
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


def draw_overview(generator: Generator, directions: Directions) -> NDArray[np.uint8]:
    """One column to a direction, with its name: its first seed at less, none and more of it."""
    columns = []
    for index, direction in enumerate(directions.values()):
        strip = draw_strip(generator, direction, seeds=(index + 21,))
        cells = [strip[:, place * SIDE : (place + 1) * SIDE] for place in (0, 2, 4)]
        title = np.full((32, SIDE, 3), 255, np.uint8)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(title, direction.name, (8, 23), font, 0.7, (0, 0, 0), 1, cv2.LINE_AA)
        columns.append(np.vstack([title, *cells]))
    return np.hstack(columns)


def save_strips(generator: Generator, directions: Directions, folder: Path) -> None:
    """Write NAME.png for every direction, and overview.jpg for all.

    Raises:
        OutputError: if the folder cannot be made or a picture not be written.
    """
    make_folder(folder)
    pictures = {f"{d.name}.png": draw_strip(generator, d) for d in directions.values()}
    pictures["overview.jpg"] = draw_overview(generator, directions)
    for name, picture in pictures.items():
        write_picture(folder / name, picture)
