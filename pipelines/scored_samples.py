"""Generated faces and their attributes' scores, which directions are fitted to; kept in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from videoinv.checkpoints.cache import write_path
from videoinv.errors import BadInputError
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

Array = NDArray[np.float64]
BATCH = 4
RENDER = 256
"""Side in pixels of the samples that are scored."""
SAVE_EVERY = 200
"""Samples that a kill may cost."""
_WIDTH = 512


@dataclass(frozen=True)
class Sampling:
    """All that a sample depends on beside its number."""

    generator: str
    """SHA-256 of its file."""
    seed: int
    truncation: float
    """ψ: 1 takes codes as they are mapped, less pulls them to the mean."""


def scored_samples(
    generator: Generator, sampling: Sampling, count: int, file: Path | None = None
) -> tuple[Array, Array]:
    """Codes [N, 512] of generated faces and their scores [N, A], in the order of ``ATTRIBUTES``.

    The n-th sample is the same however many there are and in whatever parts they are made.

    Args:
        generator: makes the faces.
        sampling: which ones.
        count: N.
        file: an npz whose samples are taken as far as they go, and in which new ones are kept.

    Raises:
        BadInputError: if the file holds anything else, or samples made in another way.
        OutputError: if it cannot be written.
    """
    codes, scores = np.empty((0, _WIDTH)), np.empty((0, len(ATTRIBUTES)))
    if file is not None and file.exists():
        codes, scores = _read(file, sampling)
    if len(codes) >= count:
        return codes[:count], scores[:count]
    scorer = AttributeScorer(generator.device)
    with tqdm(total=count, initial=len(codes), unit="face", disable=None) as bar:
        for begin in range(len(codes), count, SAVE_EVERY):
            new = []
            for start in range(begin, min(begin + SAVE_EVERY, count), BATCH):
                batch = range(start, min(start + BATCH, count))
                new.append(_score(generator, scorer, sampling, batch))
                bar.update(len(batch))
            codes = np.concatenate([codes, *(some for some, _ in new)])
            scores = np.concatenate([scores, *(some for _, some in new)])
            if file is not None:
                with write_path(file, "the samples") as part, part.open("wb") as stream:
                    np.savez(stream, about=_about(sampling), codes=codes, scores=scores)
    return codes, scores


@torch.no_grad()
def _score(
    generator: Generator, scorer: AttributeScorer, sampling: Sampling, batch: range
) -> tuple[Array, Array]:
    z = torch.cat([_noise(sampling.seed, index) for index in batch])
    codes = generator.map(z, sampling.truncation)
    images = generator.synthesize(Latent(codes), RENDER).float().clamp(-1, 1)
    return codes[:, 0].double().cpu().numpy(), scorer.score(images).array()


def _noise(seed: int, index: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed * 1_000_003 + index)
    return torch.randn(1, _WIDTH, generator=rng)


def _about(sampling: Sampling) -> str:
    """What the samples of a file have in common, in one line."""
    return json.dumps({**asdict(sampling), "attributes": ATTRIBUTES})


def _read(file: Path, sampling: Sampling) -> tuple[Array, Array]:
    """The codes and scores of a file, if they were made in this way."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            about, codes, scores = str(kept["about"]), kept["codes"], kept["scores"]
    except Exception as error:  # numpy raises many kinds for a file that is not its own
        raise BadInputError(
            f"{file} holds no samples that this version kept ({error}): name another file"
        ) from error
    if about != _about(sampling):
        raise BadInputError(
            f"{file} holds samples of {about}; asked for are {_about(sampling)}: name another file"
        )
    return codes, scores
