"""What a run did, for people and for machines."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.cache.analysis import AnalysisCache
from pipelines.cast import FaceEdits
from pipelines.json_values import plain
from pipelines.media.frame import Frame
from pipelines.steps import Placed, Rendered, Step
from pipelines.timing import StageTimes
from videoinv import __version__
from videoinv.checkpoints.cache import write_path
from videoinv.editing.edit import Edit
from videoinv.errors import BadInputError
from videoinv.faces.align import crop, to_tensor
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.faces.embed import FaceEmbedder
from videoinv.losses.lpips import load_lpips
from videoinv.model import ModelInfo

SIDE = 256
"""Side in pixels of the crops that are measured."""
NUMBERS = ("identity", "inversion_identity", "inversion_lpips", "attributes")
"""What is measured on each face."""


@dataclass(frozen=True)
class Change:
    """What an edit did to the attribute that it is named after, over the edited frames."""

    mean: float
    """Mean change of the score; units in ``videoinv/faces/attributes.py``."""
    moved: float
    """Share of the frames in which it changed in the direction that was asked for."""


class Measures:
    """Measures every edited face against its source, in one alignment: the crop's.

    An edit that is named after an attribute is judged by it.
    """

    def __init__(self) -> None:
        self._embedder, self._scorer, self._lpips = FaceEmbedder(), AttributeScorer(), load_lpips()
        self._frames: list[tuple[float, dict[int, Sample]]] = []

    def add(self, step: Step[Rendered], result: Frame, faces: Sequence[FaceEdits]) -> None:
        """Measure the faces of one frame, given as it was and as it became."""
        samples = {}
        for person in step.people.values():
            placed = person.inverted.placed
            edits = [edit for role in placed.roles for edit in faces[role].edits]
            samples[placed.person] = self._measure(person, step.frame, result, edits)
        self._frames.append((float(step.frame.time), samples))

    @torch.no_grad()
    def _measure(
        self, person: Rendered, source: Frame, result: Frame, edits: Sequence[Edit]
    ) -> Sample:
        alignment = person.inverted.placed.alignment.resized(SIDE)
        before, after = to_tensor([crop(frame.image, alignment) for frame in (source, result)])
        inversion = torch.nn.functional.interpolate(
            person.inversion[None].float().cpu().clamp(-1, 1), size=(SIDE, SIDE), mode="area"
        )[0]
        faces = self._embedder.embed_crops(torch.stack([before, after, inversion]))
        scores = self._scorer.score(torch.stack([before, after]))
        changes = {}
        for edit in edits:
            name, asked = edit.direction.name, edit.strength(float(source.time))
            if name in ATTRIBUTES and asked and np.isfinite(scores[name]).all():
                old, new = scores[name]
                changes[name] = (float(new - old), asked)
        return Sample(
            identity=float(faces[0] @ faces[1]),
            inversion_identity=float(faces[0] @ faces[2]),
            inversion_lpips=float(self._lpips(before[None], inversion[None])),
            changes=changes,
        )

    def summary(self, person: int | None = None) -> dict[str, Any]:
        """The means over everybody or one person, as they stand in the report."""
        return _summary(
            [
                sample
                for _, samples in self._frames
                for who, sample in samples.items()
                if person in (None, who)
            ]
        )

    def per_frame(self) -> list[dict[str, Any]]:
        """A row for every face of every frame, as they stand in the report.

        A frame without a face to edit has one row with ``None`` for each number but its time.
        """
        rows = []
        for seconds, samples in self._frames:
            people = {who + 1: sample.numbers for who, sample in sorted(samples.items())}
            for who, numbers in (people or {None: dict.fromkeys(NUMBERS)}).items():
                rows.append({"seconds": round(seconds, 3), "person": who, **numbers})
        return rows


@dataclass(frozen=True)
class Sample:
    """What one face in one frame scored."""

    identity: float
    """Cosine with the source's face."""
    inversion_identity: float
    inversion_lpips: float
    changes: Mapping[str, tuple[float, float]]
    """By attribute: how far it moved, and the strength that was asked for."""

    @property
    def numbers(self) -> dict[str, Any]:
        """As they stand in the report, by ``NUMBERS``."""
        moved = {name: round(change, 4) for name, (change, _) in self.changes.items()}
        measured = (self.identity, self.inversion_identity, self.inversion_lpips)
        return dict(zip(NUMBERS, (*(round(value, 4) for value in measured), moved), strict=True))


def _summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """The means; nothing if there are no samples."""
    if not samples:
        return {}
    names = dict.fromkeys(name for sample in samples for name in sample.changes)
    return {
        "identity": _mean_and_least([s.identity for s in samples]),
        "inversion_identity": _mean_and_least([s.inversion_identity for s in samples]),
        "inversion_lpips": round(float(np.mean([s.inversion_lpips for s in samples])), 4),
        "attributes": {
            name: asdict(_change([s.changes[name] for s in samples if name in s.changes]))
            for name in names
        },
    }


def _change(pairs: Sequence[tuple[float, float]]) -> Change:
    moved, asked = np.array(pairs).T
    return Change(round(float(moved.mean()), 4), round(float((moved * asked > 0).mean()), 4))


def _mean_and_least(values: Sequence[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 4), "least": round(float(np.min(values)), 4)}


@dataclass
class PersonReport:
    """One person's part in the clip."""

    number: int
    """From 1, in order of appearance, from left to right."""
    first_seconds: float
    """Time of the first edited frame ..."""
    first_place: tuple[float, float]
    """... and the middle of the face in it, as shares of the frame's width and height."""
    edits: Sequence[str]
    frames: int = 0
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass
class EditReport:
    """Counts, times and measures of one edited clip."""

    source: Path
    output: Path
    model: ModelInfo
    choices: InitVar[Sequence[FaceEdits]]
    edits: Sequence[str] = ()
    frames: int = 0
    faces: int = 0
    """Frames in which somebody was found and edited."""
    passed_through: int = 0
    """Frames without anybody to edit, left as they were."""
    people: dict[int, PersonReport] = field(default_factory=dict)
    """By person."""
    packets_skipped: int = 0
    """Packets of the source that could not be decoded."""
    dropped: Sequence[str] = ()
    """What of the source is not in the output, and why."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage, without what it waited for; stages run side by side."""
    wall_seconds: float = 0.0
    """On the clock."""
    slowest_stage: str | None = None
    """The one that all others waited for."""
    analysis: dict[str, Any] = field(default_factory=dict)
    """Where the analysis is kept, its size, and how much of it was there before."""
    remarks: Sequence[str] = ()
    """What befell the analysis that was kept, and what was not written; a sentence each."""
    peak_memory_mb: float | None = None
    """Of this process so far; ``None`` where no system call says."""
    measures: dict[str, Any] = field(default_factory=dict)
    """Means over the edited frames ..."""
    per_frame: Sequence[Mapping[str, Any]] = ()
    """... and what they are the means of, see ``Measures.per_frame``."""

    def __post_init__(self, choices: Sequence[FaceEdits]) -> None:
        self._choices = tuple(choices)
        self._roles: set[int] = set()
        self.edits = [text for some in choices for text in some.texts]

    def count(self, step: Step[Rendered]) -> None:
        """Count a finished frame and the people in it."""
        self.frames += 1
        if step.people:
            self.faces += 1
        else:
            self.passed_through += 1
        for rendered in step.people.values():
            placed = rendered.inverted.placed
            self._roles |= set(placed.roles)
            if placed.person not in self.people:
                self.people[placed.person] = self._met(placed, step.frame)
            self.people[placed.person].frames += 1

    def _met(self, placed: Placed, frame: Frame) -> PersonReport:
        height, width = frame.image.shape[:2]
        x, y = placed.alignment.center / (width, height)
        edits = [text for role in placed.roles for text in self._choices[role].texts]
        place = round(float(x), 3), round(float(y), 3)
        return PersonReport(placed.person + 1, round(float(frame.time), 3), place, edits)

    def require_all(self) -> None:
        """Refuse an output in which somebody who was asked for by number or picture is not.

        Raises:
            BadInputError: naming the first.
        """
        for role, choice in enumerate(self._choices):
            message = choice.face.missing(self.source)
            if role not in self._roles and message is not None:
                raise BadInputError(message)

    def finish(
        self,
        times: StageTimes,
        *,
        skipped: int,
        dropped: Sequence[str],
        measures: Measures | None,
        analysis: AnalysisCache,
    ) -> None:
        """Take in what is known only at the end."""
        self.wall_seconds, self.slowest_stage = round(times.wall, 3), times.slowest
        self.analysis, self.remarks = analysis.summary(), tuple(analysis.remarks)
        self.seconds = {name: round(value, 3) for name, value in times.seconds.items()}
        self.packets_skipped, self.dropped = skipped, tuple(dropped)
        self.peak_memory_mb = _peak_memory_mb()
        if measures is not None:
            self.measures, self.per_frame = measures.summary(), measures.per_frame()
            for person, part in self.people.items():
                part.measures = measures.summary(person)

    def save(self, path: Path) -> None:
        """Write the report as JSON; a measure that is no number stands in it as text.

        Raises:
            OutputError: if it cannot be written.
        """
        content = asdict(self) | {
            "source": str(self.source),
            "output": str(self.output),
            "people": [asdict(person) for _, person in sorted(self.people.items())],
            "versions": {
                "videoinv": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        }
        text = json.dumps(plain(content), indent=2, allow_nan=False)
        with write_path(path, "the report") as part:
            part.write_text(text + "\n", encoding="utf-8")


def _peak_memory_mb() -> float | None:
    """Largest resident size of this process so far, in megabytes; ``None`` on Windows."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)
