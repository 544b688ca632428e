"""What a run did, for people and for machines."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from pipelines.cache.analysis import AnalysisCache
from pipelines.cast import FaceEdits
from pipelines.json_values import plain
from pipelines.measures import Measures
from pipelines.media.frame import Frame
from pipelines.steps import Placed, Rendered, Step
from pipelines.timing import StageTimes
from videoinv import __version__
from videoinv.checkpoints.cache import write_path
from videoinv.errors import BadInputError
from videoinv.model import ModelInfo


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
