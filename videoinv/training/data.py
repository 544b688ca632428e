"""Batches of real and synthetic faces: a function of the seed, the process and the step alone.

A run that is killed goes on at any step with the batches that it would have seen.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoinv.errors import BadInputError
from videoinv.faces.align import to_images, to_tensor
from videoinv.faces.types import Image
from videoinv.generators.protocol import Generator
from videoinv.training.augment import Augmentation, degraded, photometric
from videoinv.training.synthetic import Sampling, sample_faces

AHEAD = 3
"""Batches whose photographs are being decoded while another one is used."""


@dataclass(frozen=True)
class Batch:
    """Real faces first, then sampled ones in another light, then sampled ones as they are."""

    inputs: Tensor
    """[B, 3, S, S] in [−1, 1]: what the encoder sees."""
    targets: Tensor
    """[B, 3, S, S]: what the inversion has to show."""
    codes: Tensor
    """[N, L, 512]: the codes of the last N images, the only ones whose codes are known."""

    @property
    def real(self) -> int:
        """How many have no known codes: photographs, and samples in another light."""
        return len(self.inputs) - len(self.codes)


@dataclass(frozen=True)
class Mixture:
    """What a batch is made of."""

    real: int = 3
    """Photographs per batch."""
    synthetic: int = 1
    """Images sampled from the generator per batch."""
    size: int = 256
    """Side in pixels."""
    relit: int = 0
    """As many more, framed and lit like photographs: no codes show them exactly, as none show a
    real face. Where photographs are few or tame, these bring what the generator knows of faces."""


class TrainingData:
    """Endless batches of photographs and sampled faces.

    Args:
        generator: samples the synthetic faces.
        photos: aligned photographs of ``mixture.size``; may be empty where no real ones are used.
        mixture: how many of each.
        augmentation: of all; synthetic faces keep their light, so that their codes fit.
        sampling: of the codes.
        seed: of everything.
        worker: number of this process among those that share the training.

    Raises:
        BadInputError: if real images are asked for and there are none.
    """

    def __init__(
        self,
        generator: Generator,
        photos: Sequence[Image],
        mixture: Mixture,
        augmentation: Augmentation,
        sampling: Sampling,
        *,
        seed: int = 0,
        worker: int = 0,
    ) -> None:
        if mixture.real and not len(photos):
            raise BadInputError(
                f"a batch has {mixture.real} real images, but no photographs were given: name a "
                "folder or a zip of aligned faces, or train on synthetic faces alone (0 real)"
            )
        self._generator, self._photos = generator, photos
        self._mixture, self._augmentation, self._sampling = mixture, augmentation, sampling
        self._seed, self._worker = seed, worker

    def batches(self, step: int = 0) -> Iterator[Batch]:
        """The batches from ``step`` on, photographs decoded ahead in threads."""
        with ThreadPoolExecutor(AHEAD, "photographs") as pool:
            waiting: deque[Future[_Pairs]] = deque()
            try:
                while True:
                    while len(waiting) <= AHEAD:
                        waiting.append(pool.submit(self._real, step + len(waiting)))
                    yield self._joined(waiting.popleft().result(), step)
                    step += 1
            finally:
                for future in waiting:
                    future.cancel()

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        return self._joined(self._real(step), step)

    def faces(self, count: int) -> Tensor:
        """The first ``count`` inputs [count, 3, S, S], of whichever process the same."""
        first = copy.copy(self)
        first._worker = 0
        found: list[Tensor] = []
        while sum(map(len, found)) < count:
            found.append(first.batch(len(found)).inputs)
        return torch.cat(found)[:count]

    def _joined(self, real: _Pairs, step: int) -> Batch:
        device = self._generator.device
        codes, synthetic = self._synthetic(step)
        pairs = real + synthetic
        inputs, targets = (to_tensor(images, device) for images in zip(*pairs, strict=True))
        return Batch(inputs, targets, codes)

    def _real(self, step: int) -> _Pairs:
        rng = self._rng(step, 0)
        return [self._pair(self._photos[i], rng, light=True) for i in self._chosen(step)]

    def _synthetic(self, step: int) -> tuple[Tensor, _Pairs]:
        rng = self._rng(step, 1)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        mixture, generator = self._mixture, self._generator
        count = mixture.relit + mixture.synthetic
        if not count:
            return generator.mean_codes[None][:0].float(), []
        codes, images = sample_faces(generator, count, self._sampling, mixture.size, noise)
        pairs = [
            self._pair(image, rng, light=place < mixture.relit)
            for place, image in enumerate(to_images(images))
        ]
        return codes[mixture.relit :], pairs

    def _pair(self, image: Image, rng: np.random.Generator, *, light: bool) -> tuple[Image, Image]:
        """(input, target) of one image."""
        target = photometric(image, self._augmentation, rng) if light else image
        return degraded(target, self._augmentation, rng), target

    def _chosen(self, step: int) -> list[int]:
        """Indices of this step's photographs: one shuffle of all after the other."""
        count, real = len(self._photos), self._mixture.real
        chosen = []
        for place in range(step * real, (step + 1) * real):
            epoch, index = divmod(place, count)
            order = np.random.default_rng([self._seed, self._worker, epoch]).permutation(count)
            chosen.append(int(order[index]))
        return chosen

    def _rng(self, step: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._worker, step, stream])


_Pairs = list[tuple[Image, Image]]
