"""From crops to latents, run by run: the stage that takes longest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from torch import Tensor

from pipelines.cache.networks import TapedInverter
from pipelines.steady_offsets import OffsetMode, SteadyOffsets, join
from pipelines.steps import Inverted, Placed, Step, by_run, chunked, with_people
from videoinv.faces.align import crop, to_tensor
from videoinv.latents import Latent


@dataclass
class _Running:
    """What the frames of a run so far leave to the next ones."""

    offsets: SteadyOffsets
    last: Latent | None = None


class RunInverter:
    """Inverts runs of frames; the first frame of a run cold, the others from the one before.

    Args:
        inverter: makes the latents.
        chunk: frames inverted together.
        steps: of the encoder for every frame; ``None``: its own defaults, warm and cold.
        offsets: how weight offsets are kept from trembling.
    """

    def __init__(
        self, inverter: TapedInverter, chunk: int, steps: int | None, offsets: OffsetMode
    ) -> None:
        self._inverter = inverter
        self._chunk, self._steps, self._offsets = chunk, steps, offsets

    def invert(self, steps: Iterable[Step[Placed]]) -> Iterator[Step[Inverted]]:
        """The same frames, with everybody's crop and latent."""
        running: dict[int, _Running] = {}
        for chunk in chunked(steps, self._chunk):
            people: list[dict[int, Inverted]] = [{} for _ in chunk]
            for run, placed in by_run(chunk).items():
                state = running.setdefault(run, _Running(SteadyOffsets(self._offsets)))
                for _, part in groupby(placed, lambda each: each[1].alignment.size):
                    some = [(at, p, crop(chunk[at].frame.image, p.alignment)) for at, p in part]
                    latent = self._encode(to_tensor([image for _, _, image in some]), state)
                    for index, (at, place, image) in enumerate(some):
                        people[at][run] = Inverted(place, image, latent[index])
            running = {run: state for run, state in running.items() if run in chunk[-1].people}
            yield from with_people(chunk, people)

    def _encode(self, images: Tensor, state: _Running) -> Latent:
        """The latents of the next frames of a run."""
        steps = state.offsets.steps(self._steps)
        if state.last is None and len(images) > 1:
            return join([self._encode(part, state) for part in (images[:1], images[1:])])
        latent = state.offsets.steady(self._inverter.invert(images, state.last, steps))
        state.last = latent[-1]
        return latent
