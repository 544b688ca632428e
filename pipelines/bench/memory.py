"""``videoinv bench memory``: the peak memory of an edit must not depend on the clip's length.

A clip is looped to several lengths, and each is edited in a process of its own. Everything is the
real thing, from decoding to encoding, except for the generator: one that paints grey at once
stands in for it, since what a network holds does not depend on the length either.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from torch import Tensor

from pipelines.cast import FaceEdits
from pipelines.edit import ClipEditor, EditSettings
from pipelines.media.looping import loop_clip
from videoinv.editing.directions import Directions
from videoinv.latents import Features, Latent
from videoinv.model import Model, ModelInfo

_STYLES, _WIDTH, _SIDE, _FEATURES = 23, 512, 128, (512, 32, 32)


@dataclass(frozen=True)
class Peak:
    """What one edit took."""

    minutes: float
    frames: int
    megabytes: float
    """Largest resident size of the process; NaN on Windows, which does not say."""
    seconds: float


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``memory`` to the measurements."""
    summary = "peak memory of an edit against the length of the clip"
    parser = measurements.add_parser("memory", help=summary, description=summary)
    parser.add_argument("clip", type=Path, metavar="CLIP", help="is looped to every length")
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=[1, 20], metavar="M", help="default: 1 20"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per length."""
    print(f"{'minutes':>8} {'frames':>8} {'peak MB':>8} {'seconds':>8}")
    for minutes in args.minutes:
        peak = peak_of_edit(args.clip, minutes)
        print(
            f"{peak.minutes:8.1f} {peak.frames:8} {peak.megabytes:8.0f} {peak.seconds:8.0f}",
            flush=True,
        )
    return 0


def peak_of_edit(clip: Path, minutes: float) -> Peak:
    """Edit a clip, looped to so many minutes, in a process of its own.

    Raises:
        MediaError: if it is no video.
        EOFError: if the process ends without an answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / f"looped{clip.suffix}"
        loop_clip(clip, looped, 60 * minutes)
        processes = multiprocessing.get_context("spawn")
        ours, theirs = processes.Pipe()
        start = time.perf_counter()
        child = processes.Process(target=_edit, args=(looped, theirs))
        child.start()
        theirs.close()
        frames, megabytes = ours.recv()
        child.join()
    return Peak(minutes, frames, megabytes, time.perf_counter() - start)


def _edit(clip: Path, answer: Connection) -> None:
    """In the child: edit, and tell how many frames there were and what it took."""
    torch.set_num_threads(1)
    editor = ClipEditor(grey_model(), EditSettings(preset="ultrafast"))
    report = editor.edit(clip, clip.with_name("edited.mp4"), [FaceEdits(())])
    megabytes = math.nan if report.peak_memory_mb is None else report.peak_memory_mb
    answer.send((report.frames, megabytes))


def grey_model() -> Model:
    """A model without weights, of the shapes of the default one."""
    info = ModelInfo("grey", _SIDE, _STYLES, 1, "grey", "", "")
    generator = GreyGenerator()
    return Model(generator, GreyEncoder(), Directions({}), info)


class GreyGenerator:
    """Paints grey."""

    styles, resolution, sizes, layers = _STYLES, _SIDE, (_SIDE,), 1
    device, dtype = torch.device("cpu"), torch.float32
    mean_codes = torch.zeros(_STYLES, _WIDTH)

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """The mean codes [B, L, 512], whatever z is."""
        return self.mean_codes.expand(len(z), -1, -1)

    def feature_shape(self, layer: int) -> tuple[int, int, int]:
        """(C, H, W), as in the default generator."""
        return _FEATURES

    def rows_through(self, layer: int) -> int:
        """All rows."""
        return _STYLES

    def features(
        self, codes: Tensor, layer: int, weight_offsets: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Zeros [B, C, H, W]."""
        return torch.zeros(len(codes), *_FEATURES)

    def synthesize(self, latent: Latent, size: int | None = None) -> Tensor:
        """Grey [B, 3, S, S]."""
        return torch.zeros(len(latent), 3, size or _SIDE, size or _SIDE)


class GreyEncoder:
    """Sees nothing."""

    input_size = _SIDE

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """The mean codes and empty features, of the default system's sizes."""
        features = Features(torch.zeros(len(images), *_FEATURES), 0, "add")
        return Latent(torch.zeros(len(images), _STYLES, _WIDTH), features)
