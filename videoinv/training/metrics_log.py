"""The numbers of a run over time: a CSV file, and TensorBoard where it is installed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from videoinv.checkpoints.cache import FREE_SPACE, write_path
from videoinv.errors import OutputError

HEADER = ("step", "seconds", "name", "value")


class MetricsLog:
    """Rows of (step, seconds, name, value).

    A run that goes on from a checkpoint drops what was logged after it: the curve has no loops.

    Args:
        folder: of the run; the file is ``metrics.csv``.
        step: where the run begins.

    Raises:
        OutputError: if the file cannot be written; the one that was there is then whole.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.path = folder / "metrics.csv"
        rows = [row for row in read_metrics(self.path) if int(row[0]) <= step] if step else []
        with write_path(self.path, "the metrics") as part, part.open("w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        self._board = _tensorboard(folder, step)

    def write(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Append the values of one step.

        Raises:
            OutputError: if they cannot be written.
        """
        rows = [(step, f"{seconds:.1f}", name, f"{value:.6g}") for name, value in values.items()]
        try:
            with self.path.open("a", newline="") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise OutputError(
                f"{self.path}: the metrics cannot be written ({error}): {FREE_SPACE}"
            ) from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Let TensorBoard write what it still holds; a later value opens its file again."""
        if self._board is not None:
            self._board.close()


def read_metrics(path: Path) -> list[list[str]]:
    """The rows of a metrics file without its header; a last line that was cut off is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.reader(file) if len(row) == len(HEADER) and row[0].isdigit()]


def _tensorboard(folder: Path, step: int) -> Any:
    """TensorBoard's writer, which drops what an earlier run logged after ``step``."""
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
