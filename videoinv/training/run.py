"""A run in a folder: train until told otherwise, and leave everything there that one wants to see.

``checkpoint.pt`` to go on from, ``metrics.csv``, ``sheets/STEP.png``, and ``encoder.safetensors``
with its origin and scores in the metadata, rewritten at every evaluation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from videoinv.encoders.light.files import LightEncoder, save_light
from videoinv.errors import OutputError
from videoinv.faces.align import to_tensor
from videoinv.faces.types import Image
from videoinv.metrics.reconstruction import ReconstructionMetrics, Scores
from videoinv.published.convert import save_encoder
from videoinv.training.dead_channels import SEEN, dead_share
from videoinv.training.evaluation import evaluate, save_sheet
from videoinv.training.loop import Trainer, Values
from videoinv.training.metrics_log import MetricsLog
from videoinv.training.workers import Workers

CHECKPOINT = "checkpoint.pt"
"""What a run goes on from, in its folder."""
SHEET_ROWS = 8


@dataclass(frozen=True)
class Intervals:
    """How often things are written, in seconds of wall time."""

    checkpoint: float = 300
    sheet: float = 900
    evaluate: float = 1800
    log: float = 20


@dataclass(frozen=True)
class Held:
    """What a run is judged by."""

    photos: Sequence[Image]
    """Never trained on."""
    metrics: ReconstructionMetrics
    direction: Tensor | None
    """[L, 512]: the edit that sheets show."""


@dataclass(frozen=True)
class Origin:
    """What a model card says of a run, beside its recipe and scores."""

    data: str
    terms: str


class Run:
    """A trainer with a folder.

    Args:
        trainer: fresh or resumed.
        folder: created when absent.
        held: held-out faces; without them there are neither scores nor sheets.
        origin: of the data, for the exported file.
        intervals: how often things are written.
        workers: this process among those that train together; only the first one writes.

    Raises:
        OutputError: if the folder cannot be made.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        held: Held | None,
        origin: Origin,
        *,
        intervals: Intervals | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._trainer, self._folder, self._held, self._origin = trainer, folder, held, origin
        self._workers = workers or Workers()
        intervals = intervals or Intervals()
        _make(folder / "sheets")
        self._due = [
            _Due(intervals.log, self._log),
            _Due(intervals.checkpoint, lambda _: self.checkpoint()),
            _Due(intervals.sheet, lambda _: self.sheet()),
            _Due(intervals.evaluate, lambda _: self.evaluate()),
        ]
        self._metrics = MetricsLog(folder, trainer.step) if self._workers.first else None

    def until(
        self,
        seconds: float | None,
        report: Callable[[int, Values], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train for so many seconds, or to the recipe's end, or until ``stop`` says so.

        It is asked between steps, so that the checkpoint is that of a whole step; then sheet and
        scores are left out, for whoever stops a run is waiting.

        Raises:
            OutputError: if what belongs in the folder cannot be written.
        """
        try:
            self._until(seconds, report, stop)
        finally:
            if self._metrics is not None:
                self._metrics.close()

    def _until(
        self,
        seconds: float | None,
        report: Callable[[int, Values], None],
        stop: Callable[[], bool],
    ) -> None:
        begin = time.monotonic()
        for values in self._trainer.train():
            report(self._trainer.step, values)
            if self._workers.first:
                for due in self._due:
                    due.check(values)
            over = seconds is not None and time.monotonic() - begin >= seconds
            if self._workers.agree(over or stop()):
                break
        if self._workers.first:
            self.checkpoint()
            if not stop():
                self.sheet()
                self.evaluate()

    def checkpoint(self) -> None:
        """Write what the run can go on from."""
        self._trainer.save(self._folder / CHECKPOINT)

    def sheet(self) -> None:
        """Write a sheet of held-out faces."""
        if self._held is None:
            return
        photos = [self._held.photos[i] for i in range(min(SHEET_ROWS, len(self._held.photos)))]
        path = self._folder / "sheets" / f"{self._trainer.step:07d}.png"
        trainer, direction = self._trainer, self._held.direction
        save_sheet(trainer.encoder, trainer.generator, photos, path, direction=direction)

    def evaluate(self) -> None:
        """Score the averaged weights on the held-out faces, and export them with the scores."""
        scores: dict[str, Scores] = {}
        if self._held is not None:
            trainer, held = self._trainer, self._held
            scores = evaluate(trainer.encoder, trainer.generator, held.photos, held.metrics)
            self._log(
                {
                    f"eval/{part}/{name}": value
                    for part, row in scores.items()
                    for name, value in row.as_dict().items()
                }
                | {"eval/dead channels": self._dead_share(held.photos)}
            )
        self.export(scores)

    def _dead_share(self, photos: Sequence[Image]) -> float:
        """Of the trunk, which no loss tells of: it only stops falling."""
        trainer = self._trainer
        few = [photos[i] for i in range(min(SEEN, len(photos)))]
        images = to_tensor(few, trainer.generator.device)
        return dead_share(trainer.system.network, images)

    def export(self, scores: dict[str, Scores]) -> None:
        """Write ``encoder.safetensors``."""
        trainer, recipe = self._trainer, self._trainer.recipe
        notes = {
            "recipe": json.dumps(asdict(recipe)),
            "steps": str(trainer.step),
            "hours": f"{trainer.seconds / 3600:.2f}",
            "scores": json.dumps({name: row.as_dict() for name, row in scores.items()}),
            **asdict(self._origin),
        }
        path = self._folder / "encoder.safetensors"
        encoder = trainer.encoder
        if isinstance(encoder, LightEncoder):
            save_light(encoder, recipe.size, path, notes)
        else:
            save_encoder(encoder, path, notes)

    def _log(self, values: Values) -> None:
        if self._metrics is not None:
            self._metrics.write(self._trainer.step, self._trainer.seconds, values)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder of the run cannot be made ({error.strerror}): choose another"
        ) from error


class _Due:
    """Something to do every so many seconds; not at once at the beginning."""

    def __init__(self, every: float, action: Callable[[Values], None]) -> None:
        self._every, self._action = every, action
        self._last = time.monotonic()

    def check(self, values: Values) -> None:
        if time.monotonic() - self._last >= self._every:
            self._action(values)
            self._last = time.monotonic()
