"""``videoinv bench warm-start``: what it saves to begin each frame from the one before.

A refining encoder inverts a clip's faces with more and more steps, each frame from the mean (cold)
and from the frame before (warm). The table shows how many warm steps are as good as how many cold
ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from pipelines.bench.clock import timed
from pipelines.cast import Largest
from pipelines.edit_settings import EditSettings
from pipelines.face_networks import FaceNetworks
from pipelines.locate import FaceLocator
from pipelines.media.reader import VideoReader
from pipelines.model_options import add_model_options, chosen_model
from pipelines.steady import steady_crops
from videoinv.errors import BadInputError
from videoinv.faces.align import crop, to_tensor
from videoinv.latents import Latent
from videoinv.metrics.reconstruction import ReconstructionMetrics, Scores, mean_scores
from videoinv.model import Model

SIDE = 256
"""Side in pixels of faces and renders."""

COLD, WARM = 5, 3
"""Steps that are tried at most, unless others are asked for."""


@dataclass(frozen=True)
class Row:
    """One start with one number of steps, over all frames but the first, which is cold always."""

    start: str
    steps: int
    scores: Scores
    seconds: float
    """Per frame."""


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``warm-start`` to the measurements."""
    summary = "steps that it saves to begin each frame from the one before"
    parser = measurements.add_parser("warm-start", help=summary, description=summary)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--frames", type=int, default=30, metavar="N", help="default: 30")
    every = "default: all that the encoder has, at most"
    parser.add_argument("--cold", type=int, nargs="+", metavar="STEPS", help=f"{every} {COLD}")
    parser.add_argument("--warm", type=int, nargs="+", metavar="STEPS", help=f"{every} {WARM}")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a row as soon as it is measured."""
    model = chosen_model(args)
    faces = list(islice(faces_of(args.clip), args.frames))
    if len(faces) < 2:
        raise BadInputError(f"{args.clip} has a face in {len(faces)} frames; at least 2 are needed")
    print(f"{len(faces)} frames of {args.clip.name}, {model.info.system}")
    print("start steps  LPIPS    MSE  identity  s/frame")
    there = model.info.steps or COLD  # optimisation takes as many as one likes
    cold = args.cold or range(1, min(there, COLD) + 1)
    warm = args.warm or range(1, min(there, WARM) + 1)
    jobs = [("cold", steps) for steps in cold] + [("warm", steps) for steps in warm]
    for start, steps in tqdm(jobs, disable=None, leave=False):
        row = measure(model, faces, start, steps)
        s = row.scores
        print(
            f"{start:5} {steps:5} {s.lpips:6.4f} {s.mse:6.4f} {s.identity:9.3f} {row.seconds:8.2f}",
            flush=True,
        )
    return 0


def faces_of(clip: Path) -> Iterator[Tensor]:
    """The largest face of each frame, [1, 3, SIDE, SIDE], framed as an edit frames it.

    Raises:
        BadInputError: if the clip is cut, for nothing is warm behind a cut.
        MediaError: if the clip cannot be read.
    """
    settings = EditSettings()
    locator = FaceLocator(lambda scale: SIDE, FaceNetworks(), [Largest()], settings.detect_every)
    runs: set[int] = set()
    with VideoReader(clip) as reader:
        placed = locator.locate(reader.frames())
        for step in steady_crops(placed, settings.center_sigma, settings.shape_sigma):
            for run_number, person in step.people.items():
                runs.add(run_number)
                if len(runs) > 1:
                    raise BadInputError(
                        f"the face in {clip} is lost, or the clip cut, at {step.frame.time} s: "
                        "fewer --frames, or a clip in one piece"
                    )
                yield to_tensor([crop(step.frame.image, person.alignment)])


def measure(model: Model, faces: Sequence[Tensor], start: str, steps: int) -> Row:
    """Invert the faces one after another and score what their latents show."""
    metrics = ReconstructionMetrics()
    last = model.invert(faces[0])
    scores: list[Scores] = []
    seconds = 0.0
    for face in faces[1:]:
        work = partial(model.invert, face, last if start == "warm" else None, steps)
        latent, taken = timed(model.generator.device, work)
        seconds += taken
        scores += metrics.measure(_render(model, latent), face)
        last = latent
    return Row(start, steps, mean_scores(scores), seconds / len(scores))


@torch.no_grad()
def _render(model: Model, latent: Latent) -> Tensor:
    return model.generator.synthesize(latent, SIDE).float().cpu()
