"""The command line of ``videoinv evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from pipelines.compose import Blend
from pipelines.evaluation.study import DELTAS, SMOOTHINGS, STARTS
from pipelines.model_options import add_model_options

RAVDESS, STUDY, COMPARE = "ravdess", "study", "compare"
USAGE = """videoinv evaluate [-o FOLDER] SOURCE RESULT
       videoinv evaluate [-o FOLDER] --encoder NAME [--edit NAME=STRENGTH] CLIP...
       videoinv evaluate [-o FOLDER] ravdess DIR [--sample N --seed S]
       videoinv evaluate [-o FOLDER] study CLIP... [--encoders NAME...]
       videoinv evaluate [-o FOLDER] compare CLIP...
"""
DESCRIPTION = """Measure how well and how steadily videos are inverted or edited.

SOURCE RESULT  score one video, whoever made it, against another
CLIP...        invert and edit clips, score the inversion, the finished frames and the file
ravdess DIR    the same on RAVDESS: the deterministic 120 files or a sample
study CLIP...  every encoder x smoothing x warm or cold start x feature delta
compare CLIP...  the default pipeline against per-frame inversion with a plain paste

FOLDER gets report.html, report.json, clips.csv and frames.csv, and results/ with one file for
each clip, so that a killed run goes on when it is started again."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything that ``videoinv evaluate`` takes."""
    parser.add_argument(
        "what",
        nargs="+",
        metavar="WHAT",
        help="videos, folders of videos, patterns, or clips of 'videoinv models list'; see above",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("evaluation"), metavar="FOLDER",
        help="where the report goes (default: %(default)s)",
    )  # fmt: skip
    _add_clip_options(parser)
    _add_ravdess_options(parser)
    _add_study_options(parser)


def _add_clip_options(parser: argparse.ArgumentParser) -> None:
    add_model_options(parser)
    # What was not asked for must be known: two videos and no model are a pair.
    parser.set_defaults(model=None)
    group = parser.add_argument_group("clips")
    group.add_argument(
        "--edit", action="append", default=[], metavar="NAME=STRENGTH",
        help="direction and strength, repeatable (default: none; in a study smile=2)",
    )  # fmt: skip
    group.add_argument(
        "--blend", choices=get_args(Blend),
        help="how faces are pasted (default: residual for edits, replace without)",
    )  # fmt: skip
    group.add_argument("--frames", type=int, metavar="N", help="take the first N frames only")
    group.add_argument(
        "--ray", nargs="?", const="local", metavar="ADDRESS",
        help="spread clips by Ray: over this machine, or the cluster at an address ('auto': this "
        "machine's own)",
    )  # fmt: skip


def _add_ravdess_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(RAVDESS)
    group.add_argument("--sample", type=int, metavar="N", help="draw N files of speech")
    group.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw")
    group.add_argument(
        "--modality", choices=("01", "02"), default="02",
        help="01 with sound, 02 video only (default: %(default)s)",
    )  # fmt: skip


def _add_study_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(STUDY)
    group.add_argument(
        "--encoders", nargs="+", metavar="NAME", help="names or files (default: all that ship)"
    )
    axes = (("smoothing", SMOOTHINGS), ("start", STARTS), ("delta", DELTAS))
    for name, values in axes:
        group.add_argument(
            f"--{name}", nargs="+", choices=values, default=list(values),
            help=f"which to try (default: {' '.join(values)})",
        )  # fmt: skip
    group.add_argument(
        "--graph",
        type=Path,
        metavar="PNG",
        help="draw what smoothing gains and costs (extra: plot)",
    )
