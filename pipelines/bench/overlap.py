"""``videoinv bench overlap``: what it gains that the stages of an edit run side by side.

The clip is edited twice. In turns, every stage has the machine to itself, so its seconds are its
own; side by side, the whole cannot be faster than the slowest of them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.cast import FaceEdits, parse_casting
from pipelines.edit import ClipEditor, EditSettings
from pipelines.model_options import add_model_options, chosen_model
from pipelines.report import EditReport
from videoinv.model import Model


@dataclass(frozen=True)
class Overlap:
    """One clip, edited in two ways."""

    in_turns: EditReport
    side_by_side: EditReport

    @property
    def wall(self) -> str:
        """The stage that takes longest by itself."""
        seconds = self.in_turns.seconds
        return max(seconds, key=seconds.__getitem__)

    @property
    def ratio(self) -> float:
        """The whole, side by side, over the slowest stage by itself; 1 is the best possible."""
        return self.side_by_side.wall_seconds / self.in_turns.seconds[self.wall]


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``overlap`` to the measurements."""
    summary = "time of an edit against that of its slowest stage"
    parser = measurements.add_parser("overlap", help=summary, description=summary)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--edit", action="append", default=[], metavar="NAME=STRENGTH")
    parser.add_argument("--size", type=int, metavar="PX", help="side of the rendered face")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the seconds of every stage in both ways, and the ratio."""
    model = chosen_model(args)
    faces = parse_casting(None, args.edit or ["smile=2"], model.directions)
    settings = EditSettings(size=args.size, steps=args.steps)
    overlap = measure_overlap(model, settings, args.clip, faces)
    print(f"{'stage':10} {'in turns':>10} {'side by side':>13}")
    for stage, seconds in overlap.in_turns.seconds.items():
        print(f"{stage:10} {seconds:9.2f}s {overlap.side_by_side.seconds[stage]:12.2f}s")
    walls = overlap.in_turns.wall_seconds, overlap.side_by_side.wall_seconds
    print(f"{'clock':10} {walls[0]:9.2f}s {walls[1]:12.2f}s")
    print(f"the clock over the slowest stage, {overlap.wall}: {overlap.ratio:.2f}")
    return 0


def measure_overlap(
    model: Model, settings: EditSettings, clip: Path, faces: Sequence[FaceEdits]
) -> Overlap:
    """Edit a clip in turns, then side by side."""
    with tempfile.TemporaryDirectory() as folder:
        in_turns, side_by_side = (
            ClipEditor(model, replace(settings, side_by_side=way)).edit(
                clip, Path(folder) / f"edited{clip.suffix}", faces
            )
            for way in (False, True)
        )
    return Overlap(in_turns, side_by_side)
