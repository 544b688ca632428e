"""The state of a run on disk: one file, replaced as a whole, readable without running code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from videoinv.checkpoints.cache import write_path
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.errors import BadInputError, CheckpointError
from videoinv.training.flags import by_flag
from videoinv.training.recipes import Recipe

FORMAT = "videoinv-training"
OF_THE_NETWORK = ("system", "network", "size")
"""Settings of a recipe that decide which weights there are."""


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
        """Write it, completely or not at all.

        Raises:
            OutputError: if it cannot be written.
        """
        with write_path(path, "the checkpoint") as partial:
            try:
                with partial.open("wb") as stream:
                    torch.save({"format": FORMAT, **vars(self)}, stream)
            except RuntimeError as error:
                # Torch ends its archive after a failed write, too, and tells of that in its place.
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read it back.

        Raises:
            CheckpointError: if there is no such file, or it is none of a training run, or one of
                another version.
        """
        data = dict(read_checkpoint(path).data)
        if data.pop("format", None) != FORMAT:
            raise CheckpointError(f"{path} is no checkpoint of a training run")
        try:
            return cls(**data)
        except TypeError as error:
            raise CheckpointError(
                f"{path} is a checkpoint of another version of videoinv: it holds "
                f"{', '.join(sorted(data))}; known are {', '.join(f.name for f in fields(cls))}"
            ) from error


@dataclass(frozen=True)
class Change:
    """A setting that a run goes on with in place of another."""

    name: str
    """As on the command line, behind ``--set-``."""
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.name} {self.before} → {self.now}"


def recipe_changes(stored: str, recipe: Recipe) -> list[Change]:
    """The settings in which a recipe differs from a checkpoint's.

    Rates, losses and data may change on the way. What only one of the two knows, because it was
    added or taken away since, is not compared.

    Args:
        stored: the checkpoint's recipe as JSON.
        recipe: what the run is to go on with.

    Raises:
        BadInputError: if they differ in what decides the network.
    """
    before = by_flag(json.loads(stored))
    # By way of JSON, in which tuples are lists.
    now = by_flag(json.loads(json.dumps(asdict(recipe))))
    changes = [
        Change(name, before[name], value)
        for name, value in now.items()
        if name in before and before[name] != value
    ]
    networks = [change for change in changes if change.name.split("-")[0] in OF_THE_NETWORK]
    if networks:
        raise BadInputError(
            f"the checkpoint holds another network ({', '.join(map(str, networks))}): go on with "
            "its settings, or begin a new run in another folder"
        )
    return changes
