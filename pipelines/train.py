"""``videoinv train``: train an encoder for a generator, and go on where it was stopped."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from pipelines.clip_faces import clip_faces
from pipelines.folders import folders_made
from videoinv.devices import has_fast_bfloat16, resolve_device
from videoinv.editing.directions import load_directions
from videoinv.encoders.light.efficientnet import WIDTHS, EfficientNetLite0, load_imagenet
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.files import load_light
from videoinv.errors import BadInputError
from videoinv.faces.types import Image
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.generators.protocol import Generator
from videoinv.losses.parsing import ParsingLoss, load_parsing
from videoinv.metrics.reconstruction import ReconstructionMetrics
from videoinv.published.load import load_model
from videoinv.training.data import Mixture, TrainingData
from videoinv.training.flags import add_flags, apply_flags
from videoinv.training.loop import Trainer, Values
from videoinv.training.objective import LossNetworks
from videoinv.training.photos import Joined, Photographs
from videoinv.training.recipes import Recipe, find_recipe
from videoinv.training.run import CHECKPOINT, Held, Intervals, Origin, Run
from videoinv.training.systems import Teacher
from videoinv.training.workers import Workers

IMAGENET = "imagenet"
"""Name of the published trunk."""
TERMS = (
    "Trained for a generator distilled from NVIDIA's StyleGAN2-FFHQ, whose terms are "
    "non-commercial, on the data named here."
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train`` to the command line."""
    parser = commands.add_parser(
        "train",
        help="train an encoder",
        description="Train an encoder: RECIPE is restyle, feature-style, e2style or "
        "hyperinverter. Several GPUs: torchrun --nproc-per-node N -m pipelines.cli train …",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="the system to train")
    parser.add_argument(
        "--variant", choices=("default", "paper"), default="default", help="default: default"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="FILE",
        help="a trained light encoder whose trunk to begin with",
    )
    parser.add_argument(
        "--trunk",
        metavar="TRUNK",
        help=f"put in place of that one's: another light encoder's (a file), or '{IMAGENET}'",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="FILE",
        help="a trained light encoder whose codes the first, cheap steps learn",
    )
    parser.add_argument(
        "--photos", type=Path, nargs="*", default=[], metavar="PATH", help="folders and zips"
    )
    parser.add_argument(
        "--clips", type=Path, nargs="*", default=[], metavar="PATH", help="videos with a face"
    )
    parser.add_argument("--held-out", type=Path, metavar="PATH", help="faces to score on")
    parser.add_argument("--generator", metavar="NAME", help="file or name; default: the default")
    parser.add_argument("--parsing", type=Path, metavar="PATH", help="TorchScript parsing network")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after so long")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N")
    parser.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), default="auto", help="of the nets"
    )
    add_flags(parser.add_argument_group("every for how long (s)"), Intervals, "every-")  # type: ignore[arg-type]
    add_flags(parser.add_argument_group("recipe"), Recipe, "set-")  # type: ignore[arg-type]
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train as the arguments say; Ctrl-C and a termination end it after the step at hand.

    Raises:
        BadInputError: if options do not go together, or a run would be begun over another one,
            before anything is loaded.
        PlaceError: if the folder of the run cannot be made, likewise.
    """
    recipe = apply_flags(find_recipe(args.recipe, args.variant), args, "set_")
    if args.trunk and args.start_from is None:
        raise BadInputError(
            "--trunk takes the place of a trained encoder's: name that one, --start-from"
        )
    checkpoint = args.out / CHECKPOINT
    workers = Workers.join()
    try:
        with folders_made([args.out]):
            if checkpoint.exists() and not args.resume:
                raise BadInputError(
                    f"{checkpoint} exists: give --resume to go on, or another --out"
                )
            trainer, session = _session(args, recipe, workers)
            quiet = not (workers.first and sys.stderr.isatty())
            total = recipe.optimisation.steps
            with (
                _stop_requests() as stop,
                tqdm(total=total, initial=trainer.step, disable=quiet) as bar,
            ):
                session.until(args.seconds, partial(_show, bar), stop.is_made)
                is_done = trainer.step >= total
    finally:
        workers.leave()
    return 0 if is_done or not stop.signal else 128 + stop.signal


def _session(args: argparse.Namespace, recipe: Recipe, workers: Workers) -> tuple[Trainer, Run]:
    """The trainer that the arguments describe, where it begins or goes on, and its folder."""
    device = _device(args.device, workers)
    bfloat16 = args.precision == "bfloat16" or (
        args.precision == "auto" and has_fast_bfloat16(device)
    )
    half = bfloat16 and recipe.network == "light"
    generator = _generator(args.generator, device, torch.bfloat16 if half else torch.float32)
    trainer = _trainer(args, recipe, generator, bfloat16=bfloat16, workers=workers)
    _begin(trainer, args, workers)
    held = _held(args.held_out, generator, device)
    origin = Origin(", ".join(p.name for p in [*args.photos, *args.clips]), TERMS)
    intervals = apply_flags(Intervals(), args, "every_")
    return trainer, Run(trainer, args.out, held, origin, intervals=intervals, workers=workers)


class _StopRequest:
    """Made by the first signal that asks for an end."""

    def __init__(self) -> None:
        self.signal = 0
        """Its number; 0: there was none."""

    def note(self, number: int, _frame: object) -> None:
        self.signal = self.signal or number

    def is_made(self) -> bool:
        return self.signal != 0


@contextmanager
def _stop_requests() -> Iterator[_StopRequest]:
    """What Ctrl-C and a termination make, instead of breaking off a step."""
    stop = _StopRequest()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop.note) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _trainer(
    args: argparse.Namespace,
    recipe: Recipe,
    generator: Generator,
    *,
    bfloat16: bool,
    workers: Workers,
) -> Trainer:
    """The trainer that the arguments describe, at its first step."""
    photos = _photos(args, recipe.mixture.size)
    warm = Mixture(0, recipe.regression_batch, recipe.mixture.size)
    data, regression = (
        TrainingData(
            generator,
            photos,
            mixture,
            recipe.augmentation,
            recipe.sampling,
            seed=recipe.seed,
            worker=workers.rank,
        )
        for mixture in (recipe.mixture, warm)
    )
    return Trainer(
        recipe,
        generator,
        _networks(args.parsing, recipe, generator.device, workers),
        data,
        regression,
        bfloat16=bfloat16,
        workers=workers,
        teacher=_teacher(args.teacher, generator),
    )


def _begin(trainer: Trainer, args: argparse.Namespace, workers: Workers) -> None:
    """Go on from the folder's checkpoint, or begin: anew, or with another encoder's trunk.

    Raises:
        BadInputError: if the checkpoint is another network's.
        CheckpointError: if what is there is none of a training run.
    """
    checkpoint = args.out / CHECKPOINT
    if checkpoint.exists():
        changes = trainer.resume(checkpoint)
        if changes and workers.first:
            print(f"videoinv: other settings: {', '.join(map(str, changes))}", file=sys.stderr)
    elif args.start_from is not None:
        trained = load_light(args.start_from, trainer.generator).net
        explained = trainer.start(trained, _trunk(args.trunk, trainer.generator))
        if explained and workers.first:
            parts = ", ".join(f"{part:.0%}" for part in explained)
            print(f"videoinv: that trunk says {parts} of what was read", file=sys.stderr)


def _photos(args: argparse.Namespace, size: int) -> Sequence[Image]:
    """The faces of all ``--photos`` and ``--clips``, uint8 [size, size, 3]."""
    sources: list[Sequence[Image]] = [Photographs(path, size) for path in args.photos]
    sources += [clip_faces(path, size) for path in args.clips]
    return Joined(sources)


def _networks(
    parsing: Path | None, recipe: Recipe, device: torch.device, workers: Workers
) -> LossNetworks:
    """What the losses look through; says so where a parsing loss is asked for and cannot be had."""
    loss = ParsingLoss(load_parsing(parsing, device) if parsing else None)
    if recipe.losses.parsing and not loss.active and workers.first:
        print(f"videoinv: {loss.status}", file=sys.stderr)
    return LossNetworks.of(recipe, device, loss)


def _teacher(path: Path | None, generator: Generator) -> Teacher | None:
    """The codes of a light encoder; without the features that come with them, where it has any."""
    if path is None:
        return None
    encoder = load_light(path, generator)
    if isinstance(encoder, LightFeatureStyle):
        return encoder.codes
    return lambda images: encoder.encode(images).codes


def _trunk(name: str | None, generator: Generator) -> EfficientNetLite0 | None:
    """A light encoder's first trunk, or ``imagenet``'s."""
    if name is None:
        return None
    if name == IMAGENET:
        trunk = EfficientNetLite0(levels=len(WIDTHS)).to(generator.device)
        load_imagenet(trunk)
        return trunk
    parts = load_light(Path(name), generator).net.modules()
    return next(part for part in parts if isinstance(part, EfficientNetLite0))


def _generator(name: str | None, device: torch.device, dtype: torch.dtype) -> Generator:
    if name is None:
        return load_mobilestylegan().to(device, dtype)
    return load_model(name, device=device, dtype=dtype).generator


def _held(path: Path | None, generator: Generator, device: torch.device) -> Held | None:
    if path is None:
        return None
    direction = load_directions()["smile"].rows(generator.styles)
    return Held(Photographs(path, 256), ReconstructionMetrics(device=device), direction)


def _device(name: str, workers: Workers) -> torch.device:
    """The device of that name; where it names no GPU of several, this process takes its own.

    Raises:
        BadInputError: if there is no such device here.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        name = f"cuda:{workers.local}"
    device = resolve_device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _show(bar: tqdm[Any], step: int, values: Values) -> None:
    bar.set_postfix({k.split("/")[-1]: f"{v:.3f}" for k, v in values.items() if k != "rate"})
    bar.update(step - bar.n)
