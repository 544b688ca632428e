"""Many clips: one result file for each, so that a killed run goes on; here or on Ray."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

import videoinv
from pipelines.edit import ClipEditor, EditSettings
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.inversion import evaluate_clip
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.variants import varied
from pipelines.folders import existing_files, make_folder
from pipelines.model_options import ModelChoice
from pipelines.ray_runner import Lost, spread
from videoinv.checkpoints.cache import sha256_of, write_path
from videoinv.devices import resolve_device
from videoinv.editing.directions import DEFAULT_FILE
from videoinv.editing.edit import parse_edit
from videoinv.errors import BadInputError
from videoinv.model import Model


@dataclass(frozen=True)
class Job:
    """How a clip is inverted and edited: all that a worker elsewhere must know."""

    model: ModelChoice = field(default_factory=ModelChoice)
    edits: tuple[str, ...] = ()
    settings: EditSettings = field(default_factory=EditSettings)
    frames: int | None = None
    """How many of the first frames; ``None`` for all."""
    warm: bool = True
    """Each frame starts from the one before, where the system refines."""
    feature_delta: bool = True
    """Features follow the edit, Eq. (1) of the Feature-Style paper."""

    @property
    def habits(self) -> dict[str, str]:
        """What the model's own settings do not say, for reports."""
        return {
            "start": "the frame before" if self.warm else "the mean",
            "features": "follow the edit" if self.feature_delta else "stay as they are",
        }


@dataclass(frozen=True)
class Task:
    """One clip to evaluate in one way."""

    key: str
    """Of the result file."""
    clip: Path
    job: Job

    @cached_property
    def fingerprint(self) -> str:
        """What a result must have been made with to be taken as this task's."""
        job = self.job
        own = existing_files(text.partition("=")[0].strip() for text in job.edits)
        files = [self.clip, *own, *([] if len(own) == len(job.edits) else [DEFAULT_FILE])]
        what = [
            *(videoinv.__version__, self.clip.name, *map(sha256_of, files)),
            *(job.model.fingerprint, job.edits, str(job.settings)),
            *(job.frames, job.warm, job.feature_delta),
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What became of the tasks."""

    evaluations: dict[str, Evaluation]
    """By key, in the order of the tasks."""
    broken: dict[str, str]
    """By key: why there is no evaluation."""


class Worker:
    """Evaluates tasks one after another with what it has loaded."""

    def __init__(self) -> None:
        self._networks: Networks | None = None
        self._loaded: tuple[ModelChoice, Model] | None = None

    def work(self, task: Task) -> Evaluation | str:
        """The evaluation; a sentence for a clip that cannot be read or shows no face.

        Raises:
            VideoInvError: if the model cannot be loaded or an edit is unknown: no clip can mend it.
        """
        job = task.job
        model = varied(self._model(job.model), warm=job.warm, feature_delta=job.feature_delta)
        edits = [parse_edit(text, model.directions) for text in job.edits]
        if self._networks is None:
            self._networks = Networks.load(resolve_device(job.model.device))
        editor = ClipEditor(model, job.settings)
        try:
            made = evaluate_clip(editor, task.clip, edits, self._networks, frames=job.frames)
        except BadInputError as error:
            return str(error)
        return replace(made, settings={**made.settings, **job.habits})

    def _model(self, choice: ModelChoice) -> Model:
        if self._loaded is None or self._loaded[0] != choice:
            self._loaded = choice, choice.load()
        return self._loaded[1]


def run_tasks(tasks: Sequence[Task], folder: Path, ray: str | None = None) -> Outcome:
    """Evaluate what has no result yet; results lie in ``folder`` as KEY.json, each complete.

    Args:
        tasks: with keys of their own.
        folder: made if it is not there.
        ray: address of a Ray cluster, see ``ray_runner.spread``; ``None``: here, one by one. The
            results are the same.

    Raises:
        OutputError: if results cannot be written.
        MissingExtraError: if Ray is asked for and not installed.
        VideoInvError: see ``Worker.work``.
    """
    make_folder(folder)
    done = {task.key: _kept(folder, task) for task in tasks}
    open_tasks = [task for task in tasks if done[task.key] is None]
    answers = _answers(open_tasks, ray if open_tasks else None)
    broken: dict[str, str] = {}
    for task, answer in tqdm(answers, total=len(open_tasks), unit="clip", disable=None):
        if isinstance(answer, str):
            broken[task.key] = answer
            continue
        _keep(folder, task, answer)
        done[task.key] = answer
    evaluations = {key: each for key, each in done.items() if each is not None}
    return Outcome(evaluations, {t.key: broken[t.key] for t in tasks if t.key in broken})


def _answers(tasks: Sequence[Task], ray: str | None) -> Iterator[tuple[Task, Evaluation | str]]:
    """Each task with its evaluation or the reason why there is none, as they become ready."""
    if ray is None:
        worker = Worker()
        yield from ((task, worker.work(task)) for task in tasks)
        return
    for task, answer in spread(Worker, tasks, ray):
        yield task, answer.why if isinstance(answer, Lost) else answer


def _kept(folder: Path, task: Task) -> Evaluation | None:
    """The result of an earlier run, if it was made in the same way."""
    path = folder / f"{task.key}.json"
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if content["fingerprint"] != task.fingerprint:
        return None
    return Evaluation.from_json(content["evaluation"])


def _keep(folder: Path, task: Task, evaluation: Evaluation) -> None:
    content = {"fingerprint": task.fingerprint, "evaluation": evaluation.to_json()}
    with write_path(folder / f"{task.key}.json", "the result") as part:
        part.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
