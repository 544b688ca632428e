"""A clip through a model: scored as it leaves the generator, in the frame, and in the file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.cast import FaceEdits
from pipelines.edit import ClipEditor
from pipelines.evaluation.evaluation import Evaluation, Track
from pipelines.evaluation.exhibits import Exhibit, Slices, WorstFrames
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.pair import score_pair
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.result import ResultScorer
from pipelines.evaluation.source import SourceView, SourceViews
from pipelines.measures import Measures
from pipelines.media import Frame, VideoReader, VideoWriter
from pipelines.report import EditReport
from pipelines.steps import Rendered, Step
from videoinv.editing.edit import Edit
from videoinv.errors import BadInputError
from videoinv.faces.align import to_images
from videoinv.faces.types import Alignment

INVERSION, FRAME, FILE = "inversion", "in the frame", "in the file"
"""The whole crop as it is generated; what was pasted, before the video encoder; and after it."""


class LiveScores(Measures):
    """Scores a clip while it is edited: the inversion and the finished frames."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self._views = SourceViews(networks)
        self._scorers = {name: ResultScorer(networks) for name in (INVERSION, FRAME)}
        names = ("source", *self._scorers)
        self._worst, self._slices = WorstFrames(names), Slices(names)

    def add(self, step: Step[Rendered], result: Frame, faces: Sequence[FaceEdits]) -> None:
        """Score one frame, given as it was and as it became."""
        super().add(step, result, faces)
        view = self._views.push(step.frame.image)
        person = None if view is None else _nearest(step, view.grid)
        pictures: dict[str, Picture | None] = dict.fromkeys(self._scorers)
        if person is not None:
            image = to_images(person.inversion[None])[0]
            pictures[INVERSION] = Picture(image, person.inverted.placed.alignment)
            pictures[FRAME] = Picture(result.image)
        self._push(step.frame, view, pictures)

    def _push(
        self, frame: Frame, view: SourceView | None, pictures: Mapping[str, Picture | None]
    ) -> None:
        seconds = float(frame.time)
        looks = [s.push(seconds, view, pictures[name]) for name, s in self._scorers.items()]
        crops = [look.crop for look in looks if look is not None]
        known = [picture for picture in pictures.values() if picture is not None]
        if view is None or len(crops) < len(looks):
            return
        badness = self._scorers[INVERSION].frames[-1].lpips
        self._worst.add(badness, frame.index, seconds, [view.seen.crop, *crops])
        self._slices.add(view.shot, view.grid, [Picture(frame.image), *known])

    def tracks(self) -> list[Track]:
        """What was scored; to be called once, at the end."""
        return [
            Track(name, scorer.finish(), tuple(scorer.frames))
            for name, scorer in self._scorers.items()
        ]

    def exhibits(self) -> tuple[Exhibit, ...]:
        """The pictures."""
        return (*self._slices.exhibits(), *self._worst.exhibits())


def evaluate_clip(
    editor: ClipEditor,
    clip: Path,
    edits: Sequence[Edit],
    networks: Networks,
    *,
    frames: int | None = None,
) -> Evaluation:
    """Invert and edit the largest face of a clip and score it three times.

    Args:
        editor: the model with its settings.
        clip: a video.
        edits: what to change; none scores the inversion alone.
        networks: for scoring.
        frames: how many of the first ones to take; ``None`` for all.

    Raises:
        MediaError: if it is no video.
        BadInputError: if no face is found in it.
    """
    with tempfile.TemporaryDirectory(prefix="videoinv-") as scratch:
        source = clip if frames is None else beginning(clip, frames, Path(scratch))
        output = Path(scratch) / "result.mp4"
        live = LiveScores(networks)
        report = editor.edit(source, output, [FaceEdits(tuple(edits))], measures=live)
        if not report.faces:
            raise BadInputError(f"{clip}: no face was found in its {report.frames} frames")
        began = time.perf_counter()
        decoded = score_pair(source, output, networks, name=FILE)
        after = time.perf_counter() - began
    return Evaluation(
        clip.name,
        (*live.tracks(), *decoded.tracks),
        settings=_settings(editor, edits, frames),
        seconds=_seconds(report, after),
        attributes=_attributes(report),
        exhibits=live.exhibits(),
        notes=(*decoded.notes, *(f"not in the output: {loss}" for loss in report.dropped)),
    )


def _nearest(step: Step[Rendered], grid: Alignment) -> Rendered | None:
    """The person of this step whose crop is the scored one."""
    for person in step.people.values():
        away = person.inverted.placed.alignment.center - grid.center
        if np.hypot(*away) < grid.scale / 4:
            return person
    return None


def beginning(clip: Path, frames: int, folder: Path) -> Path:
    """The first frames of a clip as a file of their own, without loss where H.264 can."""
    path = folder / f"{clip.stem}.mp4"
    with VideoReader(clip) as reader, VideoWriter(path, reader, crf=0, preset="ultrafast") as out:
        for frame in islice(reader.frames(), frames):
            out.write(frame)
    return path


def _settings(editor: ClipEditor, edits: Sequence[Edit], frames: int | None) -> dict[str, str]:
    info, settings = editor.model.info, editor.settings
    return {
        "model": info.source,
        "system": info.system,
        "digest": info.digest,
        "edits": ", ".join(map(str, edits)) or "none",
        "frames": "all" if frames is None else f"the first {frames}",
        "editing": str(settings),
    }


def _seconds(report: EditReport, after: float) -> dict[str, float]:
    """What inversion and rendering took, what scoring took."""
    scoring = report.seconds.get("measure", 0.0)
    making = sum(report.seconds.values()) - scoring
    return {"making": making, "scoring": scoring + after}


def _attributes(report: EditReport) -> dict[str, float]:
    moved: Mapping[str, Any] = report.measures.get("attributes", {})
    return {name: float(change["mean"]) for name, change in moved.items()}
