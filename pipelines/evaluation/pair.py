"""Two video files against each other, whoever made the second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

from pipelines.evaluation.evaluation import Evaluation, Track
from pipelines.evaluation.exhibits import Exhibit, Slices, WorstFrames
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.result import ResultScorer
from pipelines.evaluation.source import SourceViews
from pipelines.media import Frame, VideoReader
from pipelines.media.pixel_aspect import with_square_pixels
from videoinv.errors import BadInputError

RESULT = "result"


def score_pair(
    source: Path,
    result: Path,
    networks: Networks,
    *,
    name: str = RESULT,
    frames: int | None = None,
) -> Evaluation:
    """A result against its source, frame by frame; in memory are two frames of each.

    Frames are paired by time, counted from each video's first frame, so a result may start at
    another time, lack frames, or have others, which are counted.

    Args:
        source: a video.
        result: what was made of it, of the same size in pixels.
        networks: for scoring.
        name: of the result, in the tables.
        frames: how many of the source's first ones to compare; ``None`` for all.

    Raises:
        MediaError: if either is no video.
        BadInputError: if their sizes differ.
    """
    began = time.perf_counter()
    with VideoReader(source) as before, VideoReader(result) as after:
        _check_sizes(before, after)
        scorer, pair = ResultScorer(networks), _Pair(networks, name)
        # The source's aspect for both: some tools forget it.
        square = partial(with_square_pixels, aspect=before.pixel_aspect)
        others = _Counted(map(square, after.frames()))
        compared: list[int | None] = []
        for frame, other in islice(matched(map(square, before.frames()), others), frames):
            compared.append(None if other is None else other.index)
            pair.push(scorer, frame, other)
        if frames is None:
            others.drain()
        notes = [
            *_mismatches(compared, None if frames is not None else others.count, name),
            *broken(before),
            *broken(after),
        ]
    track = Track(name, scorer.finish(), tuple(scorer.frames))
    seconds = {"scoring": time.perf_counter() - began}
    return Evaluation(
        source.name, (track,), seconds=seconds, exhibits=pair.exhibits(), notes=tuple(notes)
    )


class _Counted:
    """Frames on their way, counted."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self.count = 0

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.count += 1
            yield frame

    def drain(self) -> None:
        """Count the rest."""
        deque(self, maxlen=0)


def _mismatches(compared: Sequence[int | None], count: int | None, name: str) -> Iterator[str]:
    """What was not compared.

    Args:
        compared: for each frame of the source the index of the result's, if there is one.
        count: frames of the result; ``None``: only the source's first frames were compared.
        name: of the result.
    """
    missing = compared.count(None)
    if count is None:
        yield f"compared: the first {len(compared)} of the source's frames"
    if missing:
        yield f"{missing} of the source's {len(compared)} frames have no frame in {name}"
    other = 0 if count is None else count - len({*compared} - {None})
    if other:
        yield f"{other} of the {count} frames in {name} are at other times and were not compared"


class _Pair:
    """One source, one result and the pictures of both."""

    def __init__(self, networks: Networks, name: str) -> None:
        self._views = SourceViews(networks)
        names = ("source", name)
        self._worst, self._slices = WorstFrames(names), Slices(names)

    def push(self, scorer: ResultScorer, frame: Frame, other: Frame | None) -> None:
        view = self._views.push(frame.image)
        picture = None if other is None else Picture(other.image)
        seconds = float(frame.time)
        seen = scorer.push(seconds, view, picture)
        if view is None or picture is None or seen is None:
            return
        crops = (view.seen.crop, seen.crop)
        self._worst.add(scorer.frames[-1].lpips, frame.index, seconds, crops)
        self._slices.add(view.shot, view.grid, (Picture(frame.image), picture))

    def exhibits(self) -> tuple[Exhibit, ...]:
        return (*self._slices.exhibits(), *self._worst.exhibits())


def matched(
    source: Iterable[Frame], result: Iterable[Frame]
) -> Iterator[tuple[Frame, Frame | None]]:
    """Each frame of the source with the one of the result that is nearest in time.

    Times count from the first frame of each. ``None`` where the nearest is more than half the
    distance to the source's neighbouring frame away.
    """
    others = iter(result)
    current, following = next(others, None), next(others, None)
    first_of_result = None if current is None else current.time
    first: Fraction | None = None
    previous: Fraction | None = None
    for frame in source:
        first = frame.time if first is None else first
        if current is None or first_of_result is None:
            yield frame, None
            continue
        time = frame.time - first + first_of_result
        while following is not None and abs(following.time - time) <= abs(current.time - time):
            current, following = following, next(others, None)
        step = frame.time - previous if previous is not None else None
        near = step is None or 2 * abs(current.time - time) <= step
        yield frame, current if near else None
        previous = frame.time


def broken(reader: VideoReader) -> list[str]:
    """What could not be read of a video that was read to its end."""
    notes = []
    if reader.skipped:
        notes.append(f"{reader.path.name}: {reader.skipped} packets could not be decoded")
    if reader.truncated:
        notes.append(f"{reader.path.name}: the file breaks off before its end")
    return notes


def _check_sizes(source: VideoReader, result: VideoReader) -> None:
    if source.size != result.size:
        (a, b), (c, d) = source.size, result.size
        raise BadInputError(
            f"{result.path} is {c}×{d} pixels, but {source.path} is {a}×{b}: they must be equal; "
            "scale the result to the source's size first"
        )
