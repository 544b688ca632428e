"""What travels between the stages of the pipeline, and the one way in which values are smoothed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipelines.media.frame import Frame
from stabilization.filters import StreamFilter
from videoinv.faces.types import Alignment, Face
from videoinv.latents import Latent

A = TypeVar("A")
B = TypeVar("B")
Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Step(Generic[A]):
    """A frame on its way, with what is known so far about the people to edit in it."""

    frame: Frame
    people: Mapping[int, A]
    """By *run*: one person without interruption. A run's number is never used again after a frame
    without it, so every cut and every absence begins a new run, and nothing is smoothed across.
    Empty: nobody to edit here; the frame passes through untouched."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A face with its crop's place in the frame."""

    face: Face
    alignment: Alignment
    person: int = 0
    """0-based, in order of appearance, from left to right; kept over cuts and absences."""
    roles: tuple[int, ...] = (0,)
    """Which of the choices of faces this person is, by their places in the order given."""


@dataclass(frozen=True, eq=False)
class Inverted:
    """A face's crop and its latent."""

    placed: Placed
    crop: NDArray[np.uint8]
    """[S, S, 3]: the source, aligned."""
    latent: Latent
    """Of this one image."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """What goes back into the frame."""

    inverted: Inverted
    inversion: Tensor
    """[3, S, S] in [−1, 1]: the crop as the generator makes it."""
    edited: Tensor
    """[3, S, S] in [−1, 1]: the same with the edit."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A frame as it goes into the output, and what was done to it."""

    step: Step[Rendered]
    frame: Frame


@dataclass(eq=False)
class _Waiting(Generic[A]):
    """A step whose values are on their way through the filters."""

    step: Step[A]
    smooth: dict[int, A] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return len(self.smooth) == len(self.step.people)

    @property
    def result(self) -> Step[A]:
        return Step(self.step.frame, {run: self.smooth[run] for run in self.step.people})


def filtered(
    steps: Iterable[Step[A]],
    make_filter: Callable[[], StreamFilter],
    value: Callable[[A], Array],
    rebuild: Callable[[A, Array], A],
) -> Iterator[Step[A]]:
    """Smooth one value of every person over time, each run by itself, frames in order.

    A filter with a look-ahead of k frames makes this stage k frames late, and it holds k frames.
    """
    waiting: deque[_Waiting[A]] = deque()
    runs: dict[int, _FilteredRun[A]] = {}
    for step in steps:
        for run in runs.keys() - step.people.keys():
            runs.pop(run).flush()
        waiting.append(_Waiting(step))
        for run, person in step.people.items():
            if run not in runs:
                runs[run] = _FilteredRun(run, make_filter(), rebuild)
            runs[run].push(waiting[-1], value(person))
        while waiting and waiting[0].is_ready:
            yield waiting.popleft().result
    for last in runs.values():
        last.flush()
    yield from (waiter.result for waiter in waiting)


class _FilteredRun(Generic[A]):
    """One run's filter, and the steps that it owes a value."""

    def __init__(self, run: int, stream: StreamFilter, rebuild: Callable[[A, Array], A]) -> None:
        self._run, self._stream, self._rebuild = run, stream, rebuild
        self._owed: deque[_Waiting[A]] = deque()

    def push(self, waiting: _Waiting[A], value: Array) -> None:
        self._owed.append(waiting)
        self._deliver(self._stream.push(value, float(waiting.step.frame.time)))

    def flush(self) -> None:
        self._deliver(self._stream.flush())

    def _deliver(self, values: list[Array]) -> None:
        for smooth in values:
            waiting = self._owed.popleft()
            waiting.smooth[self._run] = self._rebuild(waiting.step.people[self._run], smooth)


def chunked(steps: Iterable[Step[A]], size: int) -> Iterator[list[Step[A]]]:
    """Group the steps, ``size`` at a time; runs may begin and end inside a chunk."""
    chunk: list[Step[A]] = []
    for step in steps:
        chunk.append(step)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def by_run(chunk: Iterable[Step[A]]) -> dict[int, list[tuple[int, A]]]:
    """The people of a chunk by run, each with their places in the chunk, in order."""
    runs: dict[int, list[tuple[int, A]]] = {}
    for place, step in enumerate(chunk):
        for run, person in step.people.items():
            runs.setdefault(run, []).append((place, person))
    return runs


def with_people(chunk: Sequence[Step[A]], people: Sequence[Mapping[int, B]]) -> Iterator[Step[B]]:
    """The same frames with the people as the next stage wants them."""
    for step, some in zip(chunk, people, strict=True):
        yield Step(step.frame, {run: some[run] for run in step.people})
