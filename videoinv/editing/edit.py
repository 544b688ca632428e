"""An edit: a direction, its strength over time, and the rows that it moves."""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videoinv.editing.directions import Direction, Directions
from videoinv.errors import BadInputError

HOW = "write NAME=STRENGTH, NAME=STRENGTH@SECONDSs,… or NAME=STRENGTH:rows=FIRST-LAST"
STRONGEST = 100
"""Far beyond what any face bears; a direction of one's own may be short."""


@dataclass(frozen=True)
class Keyframe:
    """A strength at a time in seconds."""

    time: float
    strength: float


@dataclass(frozen=True)
class Edit:
    """Strength · direction on some rows of the codes, the strength varying over time."""

    direction: Direction
    keyframes: tuple[Keyframe, ...]
    """In order of time; between them the strength is linear, outside it stays."""
    rows: tuple[int, int] | None = None
    """First and last row (0-based, inclusive) that move; ``None`` for all."""

    def strength(self, time: float) -> float:
        """The strength at a time in seconds."""
        times = [keyframe.time for keyframe in self.keyframes]
        after = bisect_right(times, time)
        if after == 0:
            return self.keyframes[0].strength
        if after == len(times):
            return self.keyframes[-1].strength
        left, right = self.keyframes[after - 1], self.keyframes[after]
        share = (time - left.time) / (right.time - left.time)
        return left.strength + share * (right.strength - left.strength)

    def delta(self, styles: int, times: Sequence[float]) -> Tensor:
        """What the edit adds to the codes at each time: [B, L, 512]."""
        rows = self.direction.rows(styles)
        if self.rows is not None:
            first, last = self.rows
            if last >= styles:
                raise BadInputError(f"rows {first}-{last}: this generator has 0-{styles - 1}")
            kept = torch.zeros(styles, 1)
            kept[first : last + 1] = 1
            rows = rows * kept
        strengths = torch.tensor([self.strength(time) for time in times])
        return strengths[:, None, None] * rows

    def __str__(self) -> str:
        rows = "" if self.rows is None else f":rows={self.rows[0]}-{self.rows[1]}"
        if len(self.keyframes) == 1:
            return f"{self.direction.name}={self.keyframes[0].strength:g}{rows}"
        steps = ",".join(f"{k.strength:g}@{k.time:g}s" for k in self.keyframes)
        return f"{self.direction.name}={steps}{rows}"


def apply_edits(codes: Tensor, edits: Sequence[Edit], times: Sequence[float]) -> Tensor:
    """The codes [B, L, 512] with every edit added at each image's time."""
    for edit in edits:
        codes = codes + edit.delta(codes.shape[1], times).to(codes)
    return codes


def parse_edit(text: str, directions: Directions) -> Edit:
    """Read an edit as the command line writes it.

    ``smile=2``; ``smile=0@0s,2@1.5s,0@4s`` for a strength that changes over time;
    ``smile=2:rows=3-9`` to move some rows only. The name may be a path to a direction file.

    Raises:
        BadInputError: if the text is none of these, or the direction is unknown.
    """
    name, _, value = text.partition("=")
    value, _, option = value.partition(":")
    if not name or not value:
        raise BadInputError(f"edit '{text}' cannot be read; {HOW}")
    keyframes = tuple(_keyframe(part, text) for part in value.split(","))
    times = [keyframe.time for keyframe in keyframes]
    if any(later <= earlier for earlier, later in itertools.pairwise(times)):
        raise BadInputError(f"edit '{text}': times must increase, but they are {times}")
    return Edit(directions.find(name.strip()), keyframes, _rows(option, text))


def _keyframe(part: str, text: str) -> Keyframe:
    match = re.fullmatch(r"\s*([^@\s]+)\s*(?:@\s*([^s\s]+)\s*s?)?\s*", part)
    try:
        if match is None:
            raise ValueError
        keyframe = Keyframe(float(match[2] or 0), float(match[1]))
    except ValueError:
        raise BadInputError(f"edit '{text}': '{part}' is no strength; {HOW}") from None
    if not (math.isfinite(keyframe.time) and math.isfinite(keyframe.strength)):
        raise BadInputError(f"edit '{text}': '{part}' must be of finite numbers; {HOW}")
    if keyframe.time < 0:
        raise BadInputError(f"edit '{text}': '{part}' is before the start; times are 0 s or later")
    if abs(keyframe.strength) > STRONGEST:
        raise BadInputError(
            f"edit '{text}': '{part}' is too strong; allowed are -{STRONGEST} to {STRONGEST}, and "
            "a face seldom bears more than 5"
        )
    return keyframe


def _rows(option: str, text: str) -> tuple[int, int] | None:
    if not option:
        return None
    match = re.fullmatch(r"rows=(\d+)(?:-(\d+))?", option)
    if match is None:
        raise BadInputError(f"edit '{text}': '{option}' cannot be read; {HOW}")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise BadInputError(f"edit '{text}': rows {first}-{last} are in the wrong order")
    return first, last
