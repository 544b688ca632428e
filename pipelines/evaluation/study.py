"""Settings against each other: every encoder with every kind of smoothing, start and feature edit.

Also the default pipeline against the obvious one, which does each frame by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from pathlib import Path

from pipelines.edit import EditSettings
from pipelines.evaluation.columns import Column
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.inversion import FRAME, INVERSION
from pipelines.evaluation.scores import ClipScores, mean, mean_of_clips
from pipelines.evaluation.tables import Row, Table, both_tables, row
from pipelines.evaluation.tradeoff import Smoothed
from pipelines.evaluation.variants import Habits
from pipelines.evaluation.work import Job, Task
from pipelines.short_names import short_names

STRONG = 3.0
"""How much wider the windows of strong smoothing are than the default ones."""
SMOOTHINGS = ("off", "default", "strong")
STARTS = ("warm", "cold")
DELTAS = ("on", "off")
NONE = "none"
"""In place of a start or a feature delta that a system does not know."""
LABELS = ("encoder", "smoothing", "start", "feature delta")
COSTS = (
    Column("moved", "edit", "higher", 3, "mean change of the attributes that are edited"),
    Column("making", "making s/frame", "lower", 3, "work of all stages of the edit"),
    Column("scoring", "scoring s/frame", "lower", 3, "before and after the video encoder"),
)


@dataclass(frozen=True)
class Variant:
    """One way to do the job, with its place on each axis."""

    labels: tuple[str, ...]
    job: Job

    def task(self, clip: Path) -> Task:
        """This variant on a clip."""
        return Task("--".join([clip.stem, *map(_in_a_file_name, self.labels)]), clip, self.job)


def _in_a_file_name(label: str) -> str:
    """A label as it is; of a file its stem, and some letters by which two of one stem differ."""
    stem = Path(label).stem
    return stem if stem == label else f"{stem}-{sha256(label.encode()).hexdigest()[:6]}"


def smoothed(settings: EditSettings, smoothing: str) -> EditSettings:
    """The settings with their windows over time as ``SMOOTHINGS`` names them."""
    factor = {"off": 0.0, "default": 1.0, "strong": STRONG}[smoothing]
    return replace(
        settings,
        center_sigma=factor * settings.center_sigma,
        shape_sigma=factor * settings.shape_sigma,
        code_sigma=factor * settings.code_sigma,
        offsets="frame" if smoothing == "off" else settings.offsets,
    )


def study(
    job: Job,
    encoders: Mapping[str | None, Habits],
    smoothings: Sequence[str] = SMOOTHINGS,
    starts: Sequence[str] = STARTS,
    deltas: Sequence[str] = DELTAS,
) -> list[Variant]:
    """Every combination that makes a difference, in the order of the arguments.

    Args:
        job: what all have in common; its steps are those of encoders that a start matters to.
        encoders: by name, what makes a difference to each; ``None`` is the model's own.
        smoothings: among ``SMOOTHINGS``.
        starts: among ``STARTS``.
        deltas: among ``DELTAS``.
    """
    return [
        Variant(
            (encoder or job.model.name, smoothing, start, delta),
            replace(
                job,
                model=replace(job.model, encoder=encoder),
                settings=smoothed(_with_steps_if(habits.warm, job.settings), smoothing),
                warm=start != "cold",
                feature_delta=delta != "off",
            ),
        )
        for encoder, habits in encoders.items()
        for smoothing, start, delta in product(
            smoothings,
            starts if habits.warm else (NONE,),
            deltas if habits.feature_delta else (NONE,),
        )
    ]


def _with_steps_if(refines: bool, settings: EditSettings) -> EditSettings:
    return settings if refines else replace(settings, steps=None)


def default_and_obvious(job: Job) -> list[Variant]:
    """The job as it is, and as one would do it at first.

    The obvious way inverts every frame from the mean, smooths nothing, and pastes the generated
    face over the source's.
    """
    settings = replace(smoothed(job.settings, "off"), blend="replace", skin_tone="edit")
    return [
        Variant(("default",), job),
        Variant(("obvious",), replace(job, settings=settings, warm=False)),
    ]


def study_tables(
    variants: Sequence[Variant],
    evaluations: Mapping[str, Evaluation],
    clips: Sequence[Path],
    labels: tuple[str, ...] = LABELS,
) -> list[Table]:
    """Means over the clips: of the inversion, of the frames with the edit, and what both cost."""
    done = {variant.labels: _done(variant, evaluations, clips) for variant in variants}
    done = {label: some for label, some in done.items() if some}
    tables = [
        Table("Edit and cost", labels, COSTS, tuple(_costs(*some) for some in done.items())),
    ]
    for title, track in (("Edited, in the frame", FRAME), ("Inversion", INVERSION)):
        means = [(label, _mean(some, track), "") for label, some in done.items()]
        tables += both_tables(title, labels, means)
    return tables


def smoothing_points(
    variants: Sequence[Variant], evaluations: Mapping[str, Evaluation], clips: Sequence[Path]
) -> list[Smoothed]:
    """Each encoder's finished frames under each smoothing, all else as in its first variant."""
    first = {variant.labels[0]: variant.labels[2:] for variant in reversed(variants)}
    names = short_names(dict.fromkeys(variant.labels[0] for variant in variants))
    points = []
    for variant in variants:
        encoder, smoothing, *others = variant.labels
        done = _done(variant, evaluations, clips)
        if done and tuple(others) == first[encoder]:
            points.append(Smoothed(names[encoder], smoothing, _mean(done, FRAME)))
    return points


def _done(
    variant: Variant, evaluations: Mapping[str, Evaluation], clips: Sequence[Path]
) -> list[Evaluation]:
    keys = [variant.task(clip).key for clip in clips]
    return [evaluations[key] for key in keys if key in evaluations]


def _mean(evaluations: Sequence[Evaluation], track: str) -> ClipScores:
    return mean_of_clips([evaluation.track(track).scores for evaluation in evaluations])


def _costs(labels: tuple[str, ...], evaluations: Sequence[Evaluation]) -> Row:
    frames = _mean(evaluations, FRAME).frames
    values = {
        "moved": mean(value for each in evaluations for value in each.attributes.values()),
        "making": sum(each.seconds["making"] for each in evaluations) / frames,
        "scoring": sum(each.seconds["scoring"] for each in evaluations) / frames,
    }
    return row(labels, values, COSTS)
