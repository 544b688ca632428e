"""What an edit did to faces: measured on every one, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from pipelines.cast import FaceEdits
from pipelines.media.frame import Frame
from pipelines.steps import Rendered, Step
from videoinv.editing.edit import Edit
from videoinv.faces.align import crop, to_tensor
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.faces.embed import FaceEmbedder
from videoinv.losses.lpips import load_lpips

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
        self._begin: Fraction | None = None

    def add(self, step: Step[Rendered], result: Frame, faces: Sequence[FaceEdits]) -> None:
        """Measure the faces of one frame, given as it was and as it became."""
        self._begin = step.frame.time if self._begin is None else self._begin
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
        assert self._begin is not None
        seconds = float(source.time - self._begin)
        alignment = person.inverted.placed.alignment.resized(SIDE)
        before, after = to_tensor([crop(frame.image, alignment) for frame in (source, result)])
        inversion = torch.nn.functional.interpolate(
            person.inversion[None].float().cpu().clamp(-1, 1), size=(SIDE, SIDE), mode="area"
        )[0]
        faces = self._embedder.embed_crops(torch.stack([before, after, inversion]))
        scores = self._scorer.score(torch.stack([before, after]))
        changes = {}
        for edit in edits:
            name, asked = edit.direction.name, edit.strength(seconds)
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
            time = {"seconds": round(seconds, 3)}
            for who, sample in sorted(samples.items()):
                rows.append({**time, "person": who + 1, **sample.numbers})
            if not samples:
                rows.append({**time, "person": None, **dict.fromkeys(NUMBERS)})
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
