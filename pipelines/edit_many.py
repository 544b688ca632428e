"""Clips edited one after another with one model, or many at once on a Ray cluster."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch

from pipelines.adapt import adapted
from pipelines.cast import parse_casting, split_edit
from pipelines.edit import ClipEditor
from pipelines.edit_jobs import ClipJob, require_safe
from pipelines.edit_settings import EditSettings
from pipelines.folders import existing_files, folders_made
from pipelines.measures import Measures
from pipelines.media.reader import VideoReader
from pipelines.model_options import ModelChoice
from pipelines.ray_runner import Lost, spread
from pipelines.report import EditReport
from pipelines.sheet import Sheet
from videoinv.errors import VideoInvError
from videoinv.model import Model


@dataclass(frozen=True)
class EditOrder:
    """What is done to every clip, in values that travel to other machines."""

    model: ModelChoice
    settings: EditSettings
    face: str | None
    """As ``--face`` has it ..."""
    edits: tuple[str, ...]
    """... and ``--edit``."""
    threads: int
    """Of each worker: the last digits depend on it, so it is the same everywhere."""
    adapt: int = 0
    """Steps by which the encoder is adapted to each clip's own faces; 0: it is not."""

    @property
    def files(self) -> list[Path]:
        """The files here that it names: of the model, directions, pictures of people."""
        names = [self.model.name, self.model.encoder, self.model.generator, self.face]
        for text in self.edits:
            who, what = split_edit(text)
            names += [who, what.partition("=")[0].strip()]
        return existing_files(names)


@dataclass(frozen=True)
class Outcome:
    """What became of a clip."""

    report: EditReport | None
    error: str = ""
    exit_code: int = 0


class ClipWorker:
    """Edits clips; the model is loaded once, with the first."""

    def __init__(self, order: EditOrder) -> None:
        self._order = order
        torch.set_num_threads(order.threads)

    @cached_property
    def _model(self) -> Model:
        return self._order.model.load()

    @cached_property
    def _editor(self) -> ClipEditor:
        return ClipEditor(self._model, self._order.settings)

    def _editor_of(self, job: ClipJob) -> ClipEditor:
        """The editor of all clips, or one whose encoder is adapted to this clip."""
        if not self._order.adapt:
            return self._editor
        model = adapted(self._model, job.source, self._order.adapt)
        return ClipEditor(model, self._order.settings)

    def work(self, job: ClipJob) -> Outcome:
        """Edit one clip; what is wrong with it, or with the order, is told in the outcome.

        So is an error that nobody foresaw, with its traceback: the next clip may not have it.
        """
        try:
            return Outcome(self._edit(job))
        except VideoInvError as error:
            return Outcome(None, str(error), error.exit_code)
        except Exception as error:
            trace = traceback.format_exc()
            reason = f"{job.source}: {type(error).__name__}: {error}"
            return Outcome(None, f"{reason}\n{trace}", VideoInvError.exit_code)

    def _edit(self, job: ClipJob) -> EditReport:
        order = self._order
        # A bad input is told before a model is loaded.
        reader = VideoReader(job.source, rate=order.settings.rate)
        faces = parse_casting(order.face, order.edits, self._model.directions)
        measures = Measures() if job.report is not None else None
        sheet = Sheet(reader.frame_count) if job.sheet is not None else None
        report = self._editor_of(job).edit(
            job.source, job.output, faces, measures=measures, sheet=sheet, keep=job.keep
        )
        if not report.faces and order.settings.provenance:
            remark = f"nobody was edited, but the metadata of {job.output} say so"
            report.remarks = [*report.remarks, f"{remark}: leave them out with --no-provenance"]
        if sheet is not None and sheet.is_empty:
            report.remarks = [*report.remarks, f"{job.sheet} was not written: nobody was edited"]
        if job.report is not None:
            report.save(job.report)
        if job.sheet is not None and sheet is not None and not sheet.is_empty:
            sheet.save(job.sheet)
        return report


def edit_clips(order: EditOrder, jobs: Sequence[ClipJob], ray: str | None = None) -> int:
    """Edit clips and tell of each; the exit code is that of the first that failed, or 0.

    Args:
        order: what to do.
        jobs: to what. One that fails does not stop the others.
        ray: address of a Ray cluster, see ``ray_runner.spread``; ``None``: here, one by one.

    Raises:
        PlaceError: before the work, if a result would overwrite an input or another result, or
            cannot be written where it shall be.
    """
    require_safe(jobs, order.files)
    with folders_made(folder for job in jobs for folder in job.folders):
        return _edit_clips(order, jobs, ray)


def _edit_clips(order: EditOrder, jobs: Sequence[ClipJob], ray: str | None) -> int:
    code = 0
    try:
        for outcome in _outcomes(order, jobs, ray):
            if outcome.report is not None:
                tell(outcome.report)
                continue
            print(f"videoinv: {outcome.error}", file=sys.stderr)
            code = code or outcome.exit_code
    except KeyboardInterrupt:
        for folder in dict.fromkeys(job.keep.folder for job in jobs if job.keep is not None):
            print(f"the same command goes on with the analysis in {folder}", file=sys.stderr)
        raise
    return code


def _outcomes(order: EditOrder, jobs: Sequence[ClipJob], ray: str | None) -> Iterator[Outcome]:
    make_worker = partial(ClipWorker, order)
    if ray is None:
        yield from map(make_worker().work, jobs)
        return
    for job, result in spread(make_worker, jobs, ray):
        if isinstance(result, Lost):
            yield Outcome(None, f"{job.source}: {result.why}", VideoInvError.exit_code)
        else:
            yield result


def tell(report: EditReport) -> None:
    """Say what was done, in a few lines."""
    print(
        f"{report.output}: {_counted(report.frames, 'frame')} in {report.wall_seconds:.0f} s, "
        f"{report.faces} edited, "
        f"{report.passed_through} passed through without a face",
        file=sys.stderr,
    )
    if len(report.people) > 1:
        for _, person in sorted(report.people.items()):
            print(f"person {person.number}: {_counted(person.frames, 'frame')}", file=sys.stderr)
    if report.analysis:
        size, folder = report.analysis["megabytes"], report.analysis["folder"]
        print(f"{folder}: {size:.0f} MB of analysis for the next edit", file=sys.stderr)
    for remark in report.remarks:
        print(remark, file=sys.stderr)
    damaged = report.packets_skipped
    skipped = [f"{_counted(damaged, 'damaged packet')} of the source"] if damaged else []
    for loss in [*skipped, *report.dropped]:
        print(f"not in the output: {loss}", file=sys.stderr)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
