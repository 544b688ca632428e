"""How good an encoder is on faces that it never saw: scores, and a sheet of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from videoinv.checkpoints.cache import write_path
from videoinv.editing.delta import YIELD, edit_features
from videoinv.encoders.protocol import Encoder
from videoinv.faces.align import to_images, to_tensor
from videoinv.faces.types import Image
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent
from videoinv.metrics.reconstruction import ReconstructionMetrics, Scores, mean_scores
from videoinv.training.systems.shared import render

BATCH = 4


@torch.no_grad()
def evaluate(
    encoder: Encoder,
    generator: Generator,
    photos: Sequence[Image],
    metrics: ReconstructionMetrics,
) -> dict[str, Scores]:
    """Mean scores over the photographs at their own size.

    Returns:
        ``result`` for all that the encoder returns and ``codes`` for its codes alone, which are
        what edits hold on to.
    """
    scores: dict[str, list[Scores]] = {"codes": [], "result": []}
    for images in _batches(photos, generator.device):
        side = images.shape[-1]
        latent = encoder.encode(images)
        for name, part in (("codes", Latent(latent.codes)), ("result", latent)):
            scores[name] += metrics.measure(render(generator, part, side), images)
    return {name: mean_scores(rows) for name, rows in scores.items()}


@torch.no_grad()
def save_sheet(
    encoder: Encoder,
    generator: Generator,
    photos: Sequence[Image],
    path: Path,
    *,
    direction: Tensor | None = None,
    strength: float = 2.0,
) -> None:
    """A PNG with a row per photograph: source, codes alone, result, and an edit of the result.

    Args:
        encoder: what to judge.
        generator: its generator.
        photos: of one size.
        path: of the picture.
        direction: [L, 512], the edit, shown as the product makes it; without it there are three
            columns.
        strength: of the edit.

    Raises:
        OutputError: if it cannot be written.
    """
    rows = []
    for images in _batches(photos, generator.device):
        side = images.shape[-1]
        latent = encoder.encode(images)
        shown = [Latent(latent.codes), latent]
        if direction is not None:
            moved = latent.codes + strength * direction.to(latent.codes)
            shown.append(edit_features(generator, latent, moved, YIELD))
        cells = [images, *(render(generator, part, side) for part in shown)]
        rows += list(zip(*map(to_images, cells), strict=True))
    picture = np.vstack([np.hstack(row) for row in rows])
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with write_path(path, "the sheet") as partial:
        partial.write_bytes(data.tobytes())


def _batches(photos: Sequence[Image], device: torch.device) -> Iterator[Tensor]:
    for start in range(0, len(photos), BATCH):
        indices = range(start, min(start + BATCH, len(photos)))
        yield to_tensor([photos[index] for index in indices], device)
