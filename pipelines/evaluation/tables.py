"""Tables of scores: clips, means, published rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.evaluation.columns import COUNTS, OVER_TIME, PER_FRAME, Column
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.published import TABLE_2
from pipelines.evaluation.scores import ClipScores, mean_of_clips

MEAN, PUBLISHED = "mean", "published"


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    labels: tuple[str, ...]
    values: tuple[str, ...]
    emphasis: str = ""
    """``published`` or ``mean``, which reports show as such."""


@dataclass(frozen=True)
class Table:
    """Labels in front, numbers behind."""

    title: str
    labels: tuple[str, ...]
    """Headings of the labels."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""


def score_tables(evaluations: Sequence[Evaluation]) -> list[Table]:
    """Every track of every clip, and the means of each track where there are several clips."""
    scores = [
        ((evaluation.clip, track.name), track.scores, "")
        for evaluation in evaluations
        for track in evaluation.tracks
    ]
    if len(evaluations) > 1:
        means = mean_by_track(evaluations)
        scores += [((MEAN, name), each, MEAN) for name, each in means.items()]
    return both_tables("Scores", ("clip", "track"), scores)


def both_tables(
    title: str,
    headings: tuple[str, ...],
    scores: Sequence[tuple[tuple[str, ...], ClipScores, str]],
) -> list[Table]:
    """One table of frames by themselves and one over time: together they are too wide to read.

    Args:
        title: of both.
        headings: of the labels.
        scores: labels, scores and emphasis of each row.
    """
    return [
        Table(
            f"{title}, {what}",
            headings,
            columns,
            tuple(
                row(labels, each.as_dict(), columns, emphasis) for labels, each, emphasis in scores
            ),
        )
        for what, columns in (("frame by frame", PER_FRAME + COUNTS), ("over time", OVER_TIME))
    ]


def table_2(title: str, ours: Mapping[str, ClipScores], caption: str) -> Table:
    """Ours under the published rows, in the columns of the papers.

    Args:
        title: of the table.
        ours: means by the name of a method.
        caption: what makes the two comparable or not.
    """
    rows = [
        *(row((r.method, PUBLISHED), r.scores, PER_FRAME, PUBLISHED) for r in TABLE_2),
        *(row((name, "measured here"), s.as_dict(), PER_FRAME) for name, s in ours.items()),
    ]
    return Table(title, ("method", "origin"), PER_FRAME, tuple(rows), caption)


def mean_by_track(evaluations: Iterable[Evaluation]) -> dict[str, ClipScores]:
    """The means over clips, by the name of the track."""
    scores: dict[str, list[ClipScores]] = {}
    for evaluation in evaluations:
        for track in evaluation.tracks:
            scores.setdefault(track.name, []).append(track.scores)
    return {name: mean_of_clips(clips) for name, clips in scores.items()}


def row(
    labels: tuple[str, ...],
    values: Mapping[str, float | None],
    columns: Sequence[Column],
    emphasis: str = "",
) -> Row:
    """A line with these values, by the names of the columns."""
    return Row(labels, tuple(column.text(values) for column in columns), emphasis)
