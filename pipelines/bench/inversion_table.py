"""The table of ``videoinv bench inversion``: printed, as CSV, as JSON, and what follows from it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from pipelines.bench.quality_time import Line, Point
from pipelines.json_values import plain
from videoinv.checkpoints.cache import write_path
from videoinv.metrics.reconstruction import Scores, mean_scores

OPTIMISATION = "optimisation"
"""The family that the others are held against."""


@dataclass(frozen=True)
class Edited:
    """What an edit of one strength does to an inversion."""

    strength: float
    change: float
    """Of the edited attribute; NaN where it could not be measured."""
    kept: float
    """Identity of the edited picture with the photograph."""


@dataclass(frozen=True)
class Face:
    """One photograph, inverted and edited in one way."""

    scores: Scores
    seconds: float
    """The inversion alone, without rendering its result."""
    edits: tuple[Edited, ...]
    distance: float | None = None
    """From the photograph for the referee (``metrics/referee.py``), if it was asked."""


@dataclass(frozen=True)
class Row:
    """One way of inverting, face by face."""

    name: str
    family: str
    """Rows of one family make a line of the graph; rows of none are not in it."""
    each: tuple[Face, ...]

    @property
    def faces(self) -> int:
        """How many were inverted."""
        return len(self.each)

    @property
    def scores(self) -> Scores:
        """Means over the faces."""
        return mean_scores([face.scores for face in self.each])

    @property
    def seconds(self) -> float:
        """The median over the faces, which were inverted one at a time."""
        return median(face.seconds for face in self.each)

    @property
    def distance(self) -> float | None:
        """The referee's mean, if it was asked."""
        known = [face.distance for face in self.each if face.distance is not None]
        return float(np.mean(known)) if known else None

    @property
    def edits(self) -> tuple[Edited, ...]:
        """Means over the faces, for each strength."""
        alike = zip(*(face.edits for face in self.each), strict=True)
        return tuple(
            Edited(
                some[0].strength,
                float(np.nanmean([edit.change for edit in some])),
                float(np.mean([edit.kept for edit in some])),
            )
            for some in alike
        )

    def first(self, faces: int) -> Row:
        """The row of the first few faces."""
        return replace(self, each=self.each[:faces])

    def as_dict(self) -> dict[str, str | float]:
        """One flat line of a table."""
        line: dict[str, str | float] = {"name": self.name, "family": self.family}
        line["faces"] = self.faces
        line |= asdict(self.scores)
        if self.distance is not None:
            line["distance"] = self.distance
        line["seconds"] = self.seconds
        for edit in self.edits:
            line[f"change at {edit.strength:g}"] = edit.change
            line[f"kept at {edit.strength:g}"] = edit.kept
        return line


def common(rows: Sequence[Row]) -> list[Row]:
    """The rows over the first faces that all of them have, which can be compared."""
    fewest = min((row.faces for row in rows), default=0)
    return [row.first(fewest) for row in rows]


def header(strengths: Sequence[float], *, referee: bool = False) -> str:
    """Names above the columns; for each strength the attribute's change and the identity kept."""
    second = " distance" if referee else ""
    edits = "".join(f"   at {strength:<+4g} kept" for strength in strengths)
    return f"{'':37}faces  LPIPS    MSE   PSNR   SSIM identity{second}  s/face{edits}"


def printed(row: Row) -> str:
    """A row below :func:`header`."""
    s = row.scores
    edits = "".join(f"{edit.change:+10.2f} {edit.kept:4.2f}" for edit in row.edits)
    scores = f"{s.lpips:7.3f} {s.mse:6.4f} {s.psnr:6.2f} {s.ssim:6.3f} {s.identity:8.3f}"
    second = "" if row.distance is None else f" {row.distance:8.3f}"
    return f"{row.name:38}{row.faces:4}{scores}{second} {row.seconds:7.2f}{edits}"


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """A line for each row.

    Raises:
        OutputError: if it cannot be written.
    """
    with (
        write_path(path, "the table") as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0].as_dict()))
        writer.writeheader()
        writer.writerows(row.as_dict() for row in rows)


def write_json(path: Path, about: Mapping[str, object], rows: Sequence[Row]) -> None:
    """The rows as means with what they are about, and below each row its faces; NaN is text.

    Raises:
        OutputError: if it cannot be written.
    """
    table = [{**row.as_dict(), "each": [asdict(face) for face in row.each]} for row in rows]
    content = plain({**about, "rows": table})
    with write_path(path, "the table") as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def lines(rows: Sequence[Row]) -> list[Line]:
    """The families, for the graph."""
    return [
        Line(family, _points(rows, family))
        for family in dict.fromkeys(row.family for row in rows)
        if family
    ]


def against_optimisation(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each encoder: the time for its LPIPS, its part of an edit; on common faces."""
    rows = common(rows)
    optimised = [row for row in rows if row.family == OPTIMISATION]
    if not optimised:
        return
    curve, best = _points(rows, OPTIMISATION), optimised[-1]
    last = {row.family: row for row in rows if row.family}
    for family, row in last.items():
        if OPTIMISATION in family:
            continue
        parts = [
            f"{mine.change / its.change:.2f} of its change at {mine.strength:+g}"
            for mine, its in zip(row.edits, best.edits, strict=True)
        ]
        lpips = row.scores.lpips
        times = _times(curve, Point(row.seconds, lpips))
        yield f"{family}: optimisation takes {times} for LPIPS {lpips:.3f}; {', '.join(parts)}"


def seconds_for(curve: Sequence[Point], lpips: float) -> float:
    """When a line first comes down to a score, with time on a logarithmic axis between points.

    NaN if it begins below it, ∞ if it never gets there.
    """
    if curve[0].lpips < lpips:
        return math.nan
    for before, after in pairwise(curve):
        if after.lpips <= lpips <= before.lpips:
            part = (before.lpips - lpips) / (before.lpips - after.lpips)
            return float(before.seconds * (after.seconds / before.seconds) ** part)
    return math.inf


def _times(curve: Sequence[Point], point: Point) -> str:
    seconds = seconds_for(curve, point.lpips)
    if math.isnan(seconds):
        return f"less than {curve[0].seconds / point.seconds:.0f} times as long"
    if math.isinf(seconds):
        return f"more than {curve[-1].seconds / point.seconds:.0f} times as long"
    return f"{seconds / point.seconds:.0f} times as long"


def _points(rows: Sequence[Row], family: str) -> tuple[Point, ...]:
    return tuple(Point(r.seconds, r.scores.lpips) for r in rows if r.family == family)
