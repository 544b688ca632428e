"""A report on disk: HTML for people, JSON and CSV for machines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.html import render
from pipelines.evaluation.report import Report
from pipelines.evaluation.scores import ClipScores, FrameScores
from pipelines.folders import make_folder
from pipelines.json_values import plain
from videoinv.checkpoints.cache import write_path

HTML, JSON, CLIPS_CSV, FRAMES_CSV = "report.html", "report.json", "clips.csv", "frames.csv"
REPORT_FILES = (HTML, JSON, CLIPS_CSV, FRAMES_CSV)


def save_report(folder: Path, report: Report, evaluations: Mapping[str, Evaluation]) -> None:
    """Write the four files, each completely or not at all.

    Args:
        folder: made if it is not there.
        report: for people.
        evaluations: everything that was measured, by the key of the task.

    Raises:
        OutputError: if one cannot be written.
    """
    contents = {
        HTML: render(report),
        JSON: json.dumps(_json(report, evaluations), indent=1, allow_nan=False) + "\n",
        CLIPS_CSV: _clips(evaluations),
        FRAMES_CSV: _frames(evaluations),
    }
    make_folder(folder)
    for name, content in contents.items():
        with write_path(folder / name, "the report") as part:
            part.write_text(content, encoding="utf-8")


def _json(report: Report, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Everything but the pictures."""
    clips = {key: evaluation.to_json() for key, evaluation in evaluations.items()}
    for clip in clips.values():
        del clip["exhibits"]
    content = {
        "title": report.title,
        "notes": report.notes,
        "tables": [asdict(table) for table in report.tables],
        "methods": dict(report.methods),
        "surroundings": dict(report.surroundings),
        "clips": clips,
    }
    return dict(plain(content))


def _clips(evaluations: Mapping[str, Evaluation]) -> str:
    names = [field.name for field in fields(ClipScores)]
    rows = [
        [key, evaluation.clip, track.name, *track.scores.as_dict().values()]
        for key, evaluation in evaluations.items()
        for track in evaluation.tracks
    ]
    return _csv(["key", "clip", "track", *names], rows)


def _frames(evaluations: Mapping[str, Evaluation]) -> str:
    names = [field.name for field in fields(FrameScores)]
    rows = (
        [key, track.name, *asdict(frame).values()]
        for key, evaluation in evaluations.items()
        for track in evaluation.tracks
        for frame in track.frames
    )
    return _csv(["key", "track", *names], rows)


def _csv(header: list[str], rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
