"""``videoinv edit``: the command line of the main job."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import get_args

import torch

from pipelines.cache.analysis import LIMIT
from pipelines.compose import Blend, MaskSettings, Region, SkinTone, parse_region
from pipelines.edit_jobs import Destination, plan
from pipelines.edit_many import EditOrder, edit_clips
from pipelines.edit_settings import EditSettings
from pipelines.model_options import ModelChoice, add_model_options
from pipelines.steady_offsets import OffsetMode
from videoinv.errors import BadInputError

DEFAULTS = EditSettings()
SIGMAS = {
    "center": "the crop's centre",
    "shape": "the crop's scale and rotation",
    "code": "the codes",
}
MAX_SIGMA = 30
"""Ten times the widest default; three times as many frames wait in memory."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``edit`` to the command line."""
    parser = commands.add_parser(
        "edit",
        help="edit faces in a video",
        description="Edit the faces of people in a video; everything else stays as it was. "
        "Without --edit the faces are inverted only, and the metadata say 'edits: none, inversion "
        "only'.",
        epilog="example: videoinv edit talk.mp4 -o smile.mp4 --edit smile=2 --sheet smile.png; "
        "two people: --edit 1:smile=2 --edit 2:age=-1",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="IN", help="videos, folders of videos, patterns"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="a video file; a folder (there, or with a slash at its end), in which the video has "
        "IN's name; or a pattern of pictures, e.g. out_%%04d.png. A folder it must be if IN is "
        "several videos or a folder of them, as must --report and --sheet then. If IN is pictures, "
        "a folder gets pictures",
    )
    parser.add_argument(
        "--edit",
        action="append",
        default=[],
        metavar="[WHO:]NAME=STRENGTH",
        help="direction and strength, repeatable; over time: 'smile=0@0s,2@1.5s'; for one person "
        "'2:smile=2' or 'anna.jpg:smile=2', WHO as in --face; see 'videoinv directions list'",
    )
    parser.add_argument(
        "--face",
        metavar="WHO",
        help="whose the edits are that name nobody: 'largest', the largest face, until it is gone; "
        "'all'; a number, counted from 1 as people appear, from left to right; or a picture of "
        "the person (default: largest, unless every edit names somebody)",
    )
    _add_model_options(parser)
    _add_picture_options(parser)
    _add_steadiness_options(parser)
    parser.add_argument("--report", metavar="JSON", help="write what was done and measured")
    parser.add_argument("--sheet", metavar="PNG", help="write a picture of a few frames")
    _add_cache_options(parser)
    parser.add_argument(
        "--ray",
        metavar="WHERE",
        help="spread several videos by Ray, one for each GPU at a time: 'local', this machine; "
        "'auto', the cluster that it belongs to; or a cluster's address",
    )
    parser.add_argument(
        "--no-provenance",
        dest="provenance",
        action="store_false",
        help="do not write into the metadata that the face was edited",
    )
    parser.set_defaults(run=run)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = add_model_options(parser)
    group.add_argument(
        "--offsets",
        choices=get_args(OffsetMode),
        default=DEFAULTS.offsets,
        help="HyperInverter's weight offsets: one set for a segment, a running mean, or each "
        "frame's own, which trembles (default: %(default)s)",
    )
    group.add_argument("--chunk", type=int, metavar="N", help="frames computed together")
    group.add_argument(
        "--adapt",
        type=int,
        default=0,
        metavar="STEPS",
        help="train the encoder on the clip's own faces first, for so many steps",
    )


def _add_picture_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("picture")
    group.add_argument("--size", type=int, metavar="PX", help="side of the rendered face")
    group.add_argument(
        "--blend",
        choices=get_args(Blend),
        default=DEFAULTS.blend,
        help="add the change to the source's face, or replace the face (default: %(default)s)",
    )
    group.add_argument(
        "--skin-tone",
        choices=get_args(SkinTone),
        default=DEFAULTS.skin_tone,
        help="whose light and tone of skin an edited face has; the edit's, for directions of your "
        "own that are about these (default: %(default)s)",
    )
    group.add_argument(
        "--region",
        metavar="NAME[,NAME]",
        help=f"limit the edits to parts of the face: {', '.join(get_args(Region))}",
    )
    group.add_argument(
        "--lip-sync",
        action="store_true",
        help="for speech: lips move with the source's and not only as the edit has them",
    )
    group.add_argument(
        "--rate", type=_rate, metavar="FPS", help="of a source that is a folder of pictures"
    )
    group.add_argument(
        "--codec",
        metavar="NAME",
        help="video encoder, e.g. libx264, hevc_nvenc; 'hardware' takes the first one that opens",
    )
    group.add_argument(
        "--crf", type=int, metavar="N", help="quality of the encoder, lower is better"
    )
    group.add_argument("--preset", metavar="NAME", help="speed of the encoder, e.g. veryfast")


def _add_steadiness_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "steadiness", "standard deviations in frames of what is smoothed over time; 0: not at all"
    )
    for name, what in SIGMAS.items():
        group.add_argument(
            f"--{name}-sigma",
            type=float,
            default=getattr(DEFAULTS, f"{name}_sigma"),
            metavar="FRAMES",
            help=f"of {what} (default: %(default)g)",
        )
    group.add_argument(
        "--detect-every",
        type=int,
        default=DEFAULTS.detect_every,
        metavar="N",
        help="frames from one face detection to the next; the mesh follows faces in between "
        "(default: %(default)s)",
    )


def _add_cache_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "analysis", "where people are and their latents, for the next edit and after a kill"
    ).add_mutually_exclusive_group()
    group.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help=f"keep it here, all of it (default: beside the output in IN.videoinv, of which "
        f"{LIMIT // 2**30} GB stay)",
    )
    group.add_argument(
        "--no-cache", dest="keep", action="store_false", help="keep none: a killed run starts anew"
    )


def run(args: argparse.Namespace) -> int:
    """Edit clips with one model."""
    destination = Destination(args.output, args.report, args.sheet, args.cache, args.keep)
    order = EditOrder(
        ModelChoice.of(args),
        _settings(args),
        args.face,
        tuple(args.edit),
        threads=torch.get_num_threads(),
        adapt=args.adapt,
    )
    return edit_clips(order, plan(args.sources, destination), args.ray)


def _settings(args: argparse.Namespace) -> EditSettings:
    if args.chunk is not None and args.chunk < 1:
        raise BadInputError(f"--chunk is {args.chunk}; allowed are 1 and more frames")
    if args.detect_every < 1:
        raise BadInputError(f"--detect-every is {args.detect_every}; allowed are 1 and more frames")
    if args.adapt < 0:
        raise BadInputError(f"--adapt is {args.adapt}; allowed are 0 and more steps")
    sigmas = {f"{name}_sigma": getattr(args, f"{name}_sigma") for name in SIGMAS}
    for name, sigma in sigmas.items():
        if not 0 <= sigma <= MAX_SIGMA:
            option = name.replace("_", "-")
            raise BadInputError(f"--{option} is {sigma:g}; allowed are 0 to {MAX_SIGMA} frames")
    return EditSettings(
        size=args.size,
        chunk=args.chunk,
        steps=args.steps,
        offsets=args.offsets,
        detect_every=args.detect_every,
        **sigmas,
        blend=args.blend,
        skin_tone=args.skin_tone,
        mask=MaskSettings(regions=() if args.region is None else parse_region(args.region)),
        lip_sync=args.lip_sync,
        rate=args.rate,
        codec=args.codec,
        crf=args.crf,
        preset=args.preset,
        provenance=args.provenance,
    )


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        message = f"'{text}' is no rate; give pictures per second, e.g. 25 or 30000/1001"
        raise argparse.ArgumentTypeError(message) from None
