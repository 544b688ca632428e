"""The state of a run on disk: one file, replaced as a whole, readable without running code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from videoinv.checkpoints.cache import atomic_path
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.errors import CheckpointError

FORMAT = "videoinv-training"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the next step depends on; data depend on the step alone."""

    step: int
    seconds: float
    """Time spent so far, over all the runs."""
    network: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]
    adversaries: dict[str, Any]
    random: torch.Tensor
    """State of PyTorch's own generator."""
    recipe: str
    """The recipe as JSON, to tell when a run goes on with another one."""

    def save(self, path: Path) -> None:
        """Write it, completely or not at all."""
        with atomic_path(path) as partial:
            torch.save({"format": FORMAT, **vars(self)}, partial)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read it back.

        Raises:
            CheckpointError: if there is no such file, or it is none of a training run.
        """
        data = dict(read_checkpoint(path).data)
        if data.pop("format", None) != FORMAT:
            raise CheckpointError(f"{path} is no checkpoint of a training run")
        return cls(**data)
