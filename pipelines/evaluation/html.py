"""An evaluation as one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape

from pipelines.evaluation.charts import Curve, line_chart
from pipelines.evaluation.columns import COLUMNS, Better
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.report import Report
from pipelines.evaluation.scores import FrameScores
from pipelines.evaluation.tables import Row, Table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 92rem; padding: 0 1rem;
  color: #222; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd;
  white-space: nowrap; }
th { vertical-align: bottom; font-weight: 600; } th small { display: block; color: #777;
  font-weight: 400; }
th.label, td.label { text-align: left; }
tr.published td { color: #777; font-style: italic; } tr.mean td { font-weight: 600; }
p.caption, figcaption, dd { color: #555; font-size: 13px; } dt { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
svg text { font: 11px system-ui, sans-serif; fill: #555; } svg .y { text-anchor: end; }
svg .title { font-weight: 600; fill: #222; } svg .grid { stroke: #e4e4e4; }
svg .curve { fill: none; stroke-width: 1.2; }
"""
BETTER: Mapping[Better, str] = {
    "higher": "↑ better",
    "lower": "↓ better",
    "source": "near the source's",
    "one": "near 1",
    "zero": "near 0",
    "none": "",
}
CURVES: Mapping[str, Callable[[FrameScores], float | None]] = {
    "LPIPS": lambda frame: frame.lpips,
    "identity": lambda frame: frame.identity,
    "warping error": lambda frame: frame.warping_error,
    "optical flow difference, px": lambda frame: frame.tof,
}
"""What is drawn of every frame."""


def render(report: Report) -> str:
    """The file's content."""
    body = [
        f"<h1>{escape(report.title)}</h1>",
        *(f"<p>{escape(note)}</p>" for note in report.notes),
        *(_table(table) for table in report.tables),
        *(_details(evaluation) for evaluation in report.details),
        "<h2>What the numbers are</h2>",
        _definitions((c.heading, c.meaning) for c in COLUMNS if c.better != "none"),
        "<h2>How it was measured</h2>",
        _definitions([*report.methods.items(), *report.surroundings.items()]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _table(table: Table) -> str:
    heads = [f'<th class="label">{escape(label)}</th>' for label in table.labels]
    heads += [
        f"<th>{escape(column.heading)}<small>{BETTER[column.better]}</small></th>"
        for column in table.columns
    ]
    caption = f'<p class="caption">{escape(table.caption)}</p>' if table.caption else ""
    rows = "".join(map(_row, table.rows))
    return (
        f'<h2>{escape(table.title)}</h2>{caption}<div class="scroll"><table><thead><tr>'
        f"{''.join(heads)}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(row: Row) -> str:
    labels = "".join(f'<td class="label">{escape(label)}</td>' for label in row.labels)
    values = "".join(f"<td>{escape(value)}</td>" for value in row.values)
    return f'<tr class="{row.emphasis}">{labels}{values}</tr>'


def _details(evaluation: Evaluation) -> str:
    charts = "".join(line_chart(title, _curves(evaluation, title)) for title in CURVES)
    figures = "".join(
        f'<figure><img src="{exhibit.data}" alt="{escape(exhibit.title)}"><figcaption>'
        f"{escape(exhibit.title)}: {escape(exhibit.caption)}</figcaption></figure>"
        for exhibit in evaluation.exhibits
    )
    seconds = {f"seconds of {name}": f"{value:.1f}" for name, value in evaluation.seconds.items()}
    moved = {f"change of {name}": f"{value:+.3f}" for name, value in evaluation.attributes.items()}
    facts = {**evaluation.settings, **moved, **seconds}
    return (
        f"<h2>{escape(evaluation.clip)}</h2>"
        f"{''.join(f'<p>{escape(note)}</p>' for note in evaluation.notes)}"
        f'<div class="charts">{charts}</div>{figures}{_definitions(facts.items())}'
    )


def _curves(evaluation: Evaluation, title: str) -> dict[str, Curve]:
    value = CURVES[title]
    curves: dict[str, Curve] = {
        track.name: _known(track.frames, value) for track in evaluation.tracks
    }
    if title == "warping error":
        curves["source"] = _known(evaluation.tracks[0].frames, lambda f: f.source_warping_error)
    return curves


def _known(frames: Iterable[FrameScores], value: Callable[[FrameScores], float | None]) -> Curve:
    pairs = ((frame.time, value(frame)) for frame in frames)
    return [(time, number) for time, number in pairs if number is not None]


def _definitions(items: Iterable[tuple[str, str]]) -> str:
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in items)
    return f"<dl>{terms}</dl>"
