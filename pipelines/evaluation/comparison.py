"""Is the default pipeline better than the obvious one, and by how much?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.evaluation.columns import Column
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.inversion import FRAME
from pipelines.evaluation.scores import ClipScores
from pipelines.evaluation.tables import Row, Table

LESS = 0.30
"""By how much jitter and warping error are to be lower."""
LATEST = 0.25
"""Frames of lag that are allowed."""
WORSE = 0.02
"""By how much LPIPS may be worse."""
HEADINGS = (
    Column("default", "default", "none", 3, ""),
    Column("obvious", "obvious", "none", 3, ""),
    Column("change", "change", "none", 3, ""),
    Column("target", "target", "none", 3, ""),
    Column("met", "met", "none", 3, ""),
)


@dataclass(frozen=True)
class Criterion:
    """One number of both pipelines, and what it should be."""

    title: str
    value: Callable[[ClipScores], float | None]
    target: str
    met: Callable[[float, float], bool] | None
    """Of the default's and the obvious one's value; ``None``: only to be known."""
    scale: float = 1.0


def _lower(default: float, obvious: float) -> bool:
    return default <= (1 - LESS) * obvious


def _excess_warping(scores: ClipScores) -> float | None:
    if scores.warping_error is None or scores.source_warping_error is None:
        return None
    return scores.warping_error - scores.source_warping_error


CRITERIA = (
    Criterion("excess jitter ·10³", lambda s: s.excess_jitter, "30 % lower", _lower, 1e3),
    Criterion("warping error ·10³", lambda s: s.warping_error, "30 % lower", _lower, 1e3),
    Criterion("warping error less the source's ·10³", _excess_warping, "", None, 1e3),
    Criterion("lag, frames", lambda s: s.lag, "≤ 0.25", lambda d, _: abs(d) <= LATEST),
    Criterion("LPIPS", lambda s: s.lpips, "≤ 2 % worse", lambda d, o: d <= (1 + WORSE) * o),
    Criterion("amplitude", lambda s: s.amplitude, "", None),
    Criterion("ID", lambda s: s.identity, "", None),
)


def comparison_table(
    clips: Sequence[tuple[str, Evaluation, Evaluation]],
) -> Table:
    """Both pipelines side by side.

    Args:
        clips: name, evaluation of the default pipeline, evaluation of the obvious one.
    """
    rows = [
        _row(name, default.track(FRAME).scores, obvious.track(FRAME).scores, criterion)
        for name, default, obvious in clips
        for criterion in CRITERIA
    ]
    title = "The default pipeline against the obvious one"
    caption = (
        "The obvious one inverts each frame from the mean, smooths nothing and pastes the "
        "generated face. Of the finished frames, before the video encoder."
    )
    return Table(title, ("clip", "measure"), HEADINGS, tuple(rows), caption)


def _row(name: str, default: ClipScores, obvious: ClipScores, criterion: Criterion) -> Row:
    a, b = criterion.value(default), criterion.value(obvious)
    labels = (name, criterion.title)
    if a is None or b is None:
        return Row(labels, ("–", "–", "–", criterion.target, "–"))
    change = f"{(a - b) / b:+.0%}" if b > 0 else "–"
    met = "" if criterion.met is None else "yes" if criterion.met(a, b) else "no"
    numbers = [f"{value * criterion.scale:.3f}" for value in (a, b)]
    return Row(labels, (*numbers, change, criterion.target, met))
