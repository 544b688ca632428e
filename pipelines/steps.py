"""What travels between the stages of the pipeline, and the one way in which values are smoothed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    """A frame on its way, with what is known so far about the person to edit in it."""

    frame: Frame
    segment: int
    """Counts up at every cut and whenever the person was away: nothing is smoothed across."""
    person: A | None
    """``None``: nobody to edit here; the frame passes through untouched."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A face with its crop's place in the frame."""

    face: Face
    alignment: Alignment


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


def filtered(
    steps: Iterable[Step[A]],
    make_filter: Callable[[], StreamFilter],
    value: Callable[[A], Array],
    rebuild: Callable[[A, Array], A],
) -> Iterator[Step[A]]:
    """Smooth one value of every person over time, segment by segment, frames in order.

    A filter with a look-ahead of k frames makes this stage k frames late, and it holds k frames.
    """
    waiting: deque[Step[A]] = deque()
    stream = make_filter()

    def ready(values: list[Array]) -> Iterator[Step[A]]:
        for smooth in values:
            step = waiting.popleft()
            assert step.person is not None  # only people wait
            yield Step(step.frame, step.segment, rebuild(step.person, smooth))

    for step in steps:
        if waiting and (step.person is None or step.segment != waiting[-1].segment):
            yield from ready(stream.flush())
        if step.person is None:
            yield step
            continue
        waiting.append(step)
        yield from ready(stream.push(value(step.person), float(step.frame.time)))
    yield from ready(stream.flush())


def chunked(steps: Iterable[Step[A]], size: int) -> Iterator[list[Step[A]]]:
    """Group the steps: at most ``size`` people of one segment, or one step without a person."""
    chunk: list[Step[A]] = []
    for step in steps:
        if chunk and (step.person is None or step.segment != chunk[-1].segment):
            yield chunk
            chunk = []
        if step.person is None:
            yield [step]
            continue
        chunk.append(step)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
