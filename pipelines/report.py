"""What a run did, for people and for machines."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.media.frame import Frame
from pipelines.steps import Rendered
from pipelines.timing import StageTimes
from videoinv import __version__
from videoinv.checkpoints.cache import atomic_path
from videoinv.editing.edit import Edit
from videoinv.errors import OutputError
from videoinv.faces.align import crop, to_tensor
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.faces.embed import FaceEmbedder
from videoinv.losses.lpips import load_lpips
from videoinv.model import ModelInfo

SIDE = 256
"""Side in pixels of the crops that are measured."""


@dataclass(frozen=True)
class Change:
    """What an edit did to the attribute that it is named after, over the edited frames."""

    mean: float
    """Mean change of the score; units in ``videoinv/faces/attributes.py``."""
    moved: float
    """Share of the frames in which it changed in the direction that was asked for."""


class Measures:
    """Measures every edited frame against its source, in one alignment: the crop's.

    Args:
        edits: those named after an attribute are judged by it.
    """

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = [edit for edit in edits if edit.direction.name in ATTRIBUTES]
        self._embedder, self._scorer, self._lpips = FaceEmbedder(), AttributeScorer(), load_lpips()
        self._identity: list[float] = []
        self._inversion_lpips: list[float] = []
        self._inversion_identity: list[float] = []
        self._changes: dict[str, list[tuple[float, float]]] = {
            e.direction.name: [] for e in self._edits
        }

    @torch.no_grad()
    def add(self, person: Rendered, source: Frame, result: Frame) -> None:
        """Measure one edited frame."""
        alignment = person.inverted.placed.alignment.resized(SIDE)
        before, after = to_tensor([crop(frame.image, alignment) for frame in (source, result)])
        inversion = torch.nn.functional.interpolate(
            person.inversion[None].float().cpu().clamp(-1, 1), size=(SIDE, SIDE), mode="area"
        )[0]
        faces = self._embedder.embed_crops(torch.stack([before, after, inversion]))
        self._identity.append(float(faces[0] @ faces[1]))
        self._inversion_identity.append(float(faces[0] @ faces[2]))
        self._inversion_lpips.append(float(self._lpips(before[None], inversion[None])))
        scores = self._scorer.score(torch.stack([before, after]))
        for edit in self._edits:
            name, asked = edit.direction.name, edit.strength(float(source.time))
            old, new = scores[name]
            if asked and np.isfinite(old) and np.isfinite(new):
                self._changes[name].append((float(new - old), asked))

    def summary(self) -> dict[str, Any]:
        """The means, as they stand in the report."""
        if not self._identity:
            return {}
        return {
            "identity": _mean_and_least(self._identity),
            "inversion_identity": _mean_and_least(self._inversion_identity),
            "inversion_lpips": round(float(np.mean(self._inversion_lpips)), 4),
            "attributes": {
                name: asdict(_change(pairs)) for name, pairs in self._changes.items() if pairs
            },
        }


def _change(pairs: Sequence[tuple[float, float]]) -> Change:
    moved, asked = np.array(pairs).T
    return Change(round(float(moved.mean()), 4), round(float((moved * asked > 0).mean()), 4))


def _mean_and_least(values: Sequence[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 4), "least": round(float(np.min(values)), 4)}


@dataclass
class EditReport:
    """Counts, times and measures of one edited clip."""

    source: Path
    output: Path
    model: ModelInfo
    edits: Sequence[str]
    frames: int = 0
    faces: int = 0
    """Frames in which the face was found and edited."""
    passed_through: int = 0
    """Frames without the face, left as they were."""
    packets_skipped: int = 0
    """Packets of the source that could not be decoded."""
    dropped: Sequence[str] = ()
    """What of the source is not in the output, and why."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    peak_memory_mb: float = 0.0
    measures: dict[str, Any] = field(default_factory=dict)

    def count(self, edited: bool) -> None:
        """Count a finished frame."""
        self.frames += 1
        if edited:
            self.faces += 1
        else:
            self.passed_through += 1

    def finish(
        self,
        times: StageTimes,
        *,
        skipped: int,
        dropped: Sequence[str],
        measures: Measures | None,
    ) -> None:
        """Take in what is known only at the end."""
        self.seconds = {name: round(value, 3) for name, value in times.seconds.items()}
        self.packets_skipped, self.dropped = skipped, tuple(dropped)
        self.peak_memory_mb = round(_peak_memory_mb(), 1)
        self.measures = measures.summary() if measures is not None else {}

    def save(self, path: Path) -> None:
        """Write the report as JSON.

        Raises:
            OutputError: if it cannot be written.
        """
        content = asdict(self) | {
            "source": str(self.source),
            "output": str(self.output),
            "versions": {
                "videoinv": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        }
        try:
            with atomic_path(path) as partial:
                partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _peak_memory_mb() -> float:
    """Largest resident size of this process so far, in megabytes; NaN where no system call says."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
