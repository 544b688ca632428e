"""The options by which commands choose a model, and the model that they mean."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from videoinv import load
from videoinv.checkpoints.cache import sha256_of
from videoinv.default import DEFAULT_ENCODER, encoder_file
from videoinv.devices import DTYPES
from videoinv.model import Model


def add_model_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add ``--model`` and what goes with it; a command may add more to the group returned."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", default="default", metavar="NAME", help="'default', a catalog name or a file"
    )
    group.add_argument(
        "--encoder",
        metavar="NAME",
        help="how the default model inverts: feature-style (default), restyle, e2style, "
        "hyperinverter, optimize, or a file of 'videoinv train'",
    )
    group.add_argument(
        "--generator", metavar="NAME", help="for a checkpoint that has none of its own"
    )
    group.add_argument("--steps", type=int, metavar="N", help="steps of the encoder for each face")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N")
    group.add_argument(
        "--dtype", choices=("auto", *DTYPES), default="auto", help="default: %(default)s"
    )
    return group


@dataclass(frozen=True)
class ModelChoice:
    """The model, as ``videoinv.load`` takes it: names that travel to other machines."""

    name: str = "default"
    encoder: str | None = None
    generator: str | None = None
    device: str = "auto"
    dtype: str = "auto"

    @classmethod
    def of(cls, args: argparse.Namespace) -> ModelChoice:
        """What the options say."""
        return cls(args.model or "default", args.encoder, args.generator, args.device, args.dtype)

    def load(self) -> Model:
        """The model itself.

        Raises:
            BadInputError, CheckpointError, FetchError: see :func:`videoinv.load`.
        """
        return load(
            self.name,
            encoder=self.encoder,
            generator=self.generator,
            device=self.device,
            dtype=self.dtype,
        )

    @cached_property
    def fingerprint(self) -> list[str]:
        """What scores depend on; files count by their content, as do encoders that ship."""
        encoder = self.encoder or ""
        if self.name == "default":
            encoder = str(encoder_file(self.encoder or DEFAULT_ENCODER) or encoder)
        names = [self.name, encoder, self.generator or "", self.dtype]
        return [sha256_of(Path(name)) if Path(name).is_file() else name for name in names]


def chosen_model(args: argparse.Namespace) -> Model:
    """The model that the options mean; see ``ModelChoice.load``."""
    return ModelChoice.of(args).load()
