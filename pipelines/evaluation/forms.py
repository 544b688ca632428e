"""The forms of ``videoinv evaluate``: what each runs and what its report shows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.evaluation import ravdess
from pipelines.evaluation.clips import clips_to_score, job_of
from pipelines.evaluation.comparison import comparison_table
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.files import HTML, REPORT_FILES, save_report
from pipelines.evaluation.inversion import INVERSION
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.pair import score_pair
from pipelines.evaluation.published import TABLE_2_CAVEAT
from pipelines.evaluation.report import Report
from pipelines.evaluation.study import (
    Variant,
    default_and_obvious,
    smoothing_points,
    study,
    study_tables,
)
from pipelines.evaluation.tables import Table, mean_by_track, score_tables, table_2
from pipelines.evaluation.tradeoff import draw_tradeoff
from pipelines.evaluation.variants import habits
from pipelines.evaluation.work import Job, Outcome, Task, run_tasks
from pipelines.folders import folders_made, require_apart
from pipelines.plotting import require_matplotlib
from videoinv.default import OPTIMIZE
from videoinv.devices import resolve_device
from videoinv.encoders.light.shipped import shipped_encoders
from videoinv.errors import BadInputError

RESULTS = "results"
"""Folder beside the report, with one file for each clip."""
SHOWN = 6
"""Clips with curves and pictures, the first ones: a report of all would be too large to open."""
STUDY_EDIT = "smile=2"


def pair_form(args: argparse.Namespace, source: Path, result: Path) -> int:
    """Score one video against another."""
    networks = Networks.load(resolve_device(args.device))
    evaluation = score_pair(source, result, networks, frames=args.frames)
    for note in evaluation.notes:
        print(note, file=sys.stderr)
    title = f"{result.name} against {source.name}"
    done = Outcome({source.stem: evaluation}, {})
    return _finish(args, title, score_tables([evaluation]), done)


def clips_form(args: argparse.Namespace, paths: Sequence[Path]) -> int:
    """Invert, edit and score clips."""
    job = job_of(args)
    outcome = _run(args, [Task(clip.stem, clip, job) for clip in clips_to_score(paths)])
    tables = score_tables(list(outcome.evaluations.values()))
    return _finish(args, f"{_method(job)}: inversion and edit", tables, outcome)


def ravdess_form(args: argparse.Namespace, paths: Sequence[Path]) -> int:
    """The paper's table on a RAVDESS folder."""
    folder, job = paths[0], job_of(args)
    chosen = ravdess.choose(
        ravdess.find_files(folder), modality=args.modality, sample=args.sample, seed=args.seed
    )
    outcome = _run(args, [Task(path.stem, path, job) for path in chosen.files])
    evaluations = list(outcome.evaluations.values())
    rows = {_method(job): mean_by_track(evaluations)[INVERSION]} if evaluations else {}
    tables = [
        table_2("Inversion on RAVDESS", rows, TABLE_2_CAVEAT),
        *score_tables(evaluations),
    ]
    draw = f"{args.sample} drawn by seed {args.seed}" if args.sample else "the deterministic 120"
    notes = [f"Files: {draw}, modality {args.modality}; {len(evaluations)} are scored."]
    if chosen.missing:
        notes.append(f"Not in the folder: {', '.join(chosen.missing)}.")
    return _finish(args, f"{_method(job)} on RAVDESS", tables, outcome, notes=notes)


def study_form(args: argparse.Namespace, paths: Sequence[Path]) -> int:
    """Encoders, smoothing, starts and feature edits against each other."""
    clips = clips_to_score(paths)
    if args.graph is not None:
        require_matplotlib()
        report = [("the report", args.output / name) for name in REPORT_FILES]
        require_apart([*report, ("--graph", args.graph)], clips)
    job = job_of(args, STUDY_EDIT)
    encoders = {
        name: habits(replace(job.model, encoder=name).load()) for name in _study_encoders(args)
    }
    variants = study(job, encoders, args.smoothing, args.start, args.delta)
    outcome = _run(args, [variant.task(clip) for variant in variants for clip in clips])
    tables = study_tables(variants, outcome.evaluations, clips)
    first = [variant.task(clips[0]).key for variant in variants]
    title = f"Study on {len(clips)} clips"
    code = _finish(args, title, tables, outcome, shown=first)
    if args.graph is not None:
        draw_tradeoff(args.graph, smoothing_points(variants, outcome.evaluations, clips), title)
    return code


def _study_encoders(args: argparse.Namespace) -> list[str | None]:
    """Those that are named, else a model's own, else everything that the default model has."""
    if args.encoders:
        return list(args.encoders)
    if args.encoder or args.model:
        return [args.encoder]
    return [OPTIMIZE, *shipped_encoders()]


def compare_form(args: argparse.Namespace, paths: Sequence[Path]) -> int:
    """The default pipeline against the obvious one."""
    variants = default_and_obvious(job_of(args, STUDY_EDIT))
    clips = clips_to_score(paths)
    outcome = _run(args, [variant.task(clip) for clip in clips for variant in variants])
    tables = [
        comparison_table(_pairs(variants, clips, outcome.evaluations)),
        *study_tables(variants, outcome.evaluations, clips, ("pipeline",)),
    ]
    title = f"Default and obvious pipeline on {len(clips)} clips"
    return _finish(args, title, tables, outcome, shown=list(outcome.evaluations))


def _pairs(
    variants: Sequence[Variant], clips: Sequence[Path], done: Mapping[str, Evaluation]
) -> list[tuple[str, Evaluation, Evaluation]]:
    """Of each clip that both pipelines have done, both evaluations."""
    keys = {clip.name: [variant.task(clip).key for variant in variants] for clip in clips}
    return [(name, done[a], done[b]) for name, (a, b) in keys.items() if a in done and b in done]


def _run(args: argparse.Namespace, tasks: Sequence[Task]) -> Outcome:
    folder = args.output / RESULTS
    with folders_made([folder]):
        return run_tasks(tasks, folder, args.ray)


def _method(job: Job) -> str:
    """What to call the model in a table."""
    names = [Path(name).stem for name in (job.model.name, job.model.encoder) if name]
    return " + ".join(names)


def _finish(
    args: argparse.Namespace,
    title: str,
    tables: Sequence[Table],
    outcome: Outcome,
    *,
    notes: Sequence[str] = (),
    shown: Sequence[str] | None = None,
) -> int:
    """Write the report and say where it is; name what was skipped."""
    for key, reason in outcome.broken.items():
        print(f"videoinv: skipped {key}: {reason}", file=sys.stderr)
    done = outcome.evaluations
    if not done:
        raise BadInputError("nothing could be evaluated: every clip was skipped, see above")
    keys = [key for key in (shown or list(done)[:SHOWN]) if key in done]
    skipped = [f"Skipped {key}: {reason}" for key, reason in outcome.broken.items()]
    # Several evaluations of one clip are told apart by their keys.
    details = tuple(replace(done[key], clip=key) for key in keys)
    report = Report(title, tuple(tables), details, (*notes, *skipped))
    save_report(args.output, report, done)
    print(
        f"{args.output / HTML}: {len(done)} scored, {len(outcome.broken)} skipped", file=sys.stderr
    )
    return 0
