"""``videoinv edit``: the command line of the main job."""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from pathlib import Path
from typing import get_args

from pipelines.adapt import adapted
from pipelines.cache.analysis import LIMIT, Keep
from pipelines.cast import parse_casting
from pipelines.compose import Blend, MaskSettings, Region, parse_region
from pipelines.edit import ClipEditor, EditSettings
from pipelines.media.reader import VideoReader
from pipelines.model_options import add_model_options, chosen_model
from pipelines.report import EditReport, Measures
from pipelines.sheet import Sheet
from pipelines.steady_offsets import OffsetMode
from videoinv.errors import BadInputError, OutputError

DEFAULTS = EditSettings()
SIGMAS = {
    "center": "the crop's centre",
    "shape": "the crop's scale and rotation",
    "code": "the codes",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``edit`` to the command line."""
    parser = commands.add_parser(
        "edit",
        help="edit faces in a video",
        description="Edit the faces of people in a video; everything else stays as it was.",
        epilog="example: videoinv edit talk.mp4 -o smile.mp4 --edit smile=2 --sheet smile.png; "
        "two people: --edit 1:smile=2 --edit 2:age=-1",
    )
    parser.add_argument("source", type=Path, metavar="IN", help="a video file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
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
    parser.add_argument(
        "--report", type=Path, metavar="JSON", help="write what was done and measured"
    )
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a picture of a few frames")
    _add_cache_options(parser)
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
        "--region",
        metavar="NAME[,NAME]",
        help=f"limit the edits to parts of the face: {', '.join(get_args(Region))}",
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
    """Edit one clip."""
    for path in (args.output, args.report, args.sheet):
        _check_folder(path)
    reader = VideoReader(
        args.source, rate=args.rate
    )  # a bad input is told before a model is loaded
    model = chosen_model(args)
    if args.adapt:
        model = adapted(model, args.source, args.adapt)
    faces = parse_casting(args.face, args.edit, model.directions)
    measures = Measures() if args.report is not None else None
    sheet = Sheet(reader.frame_count or 1) if args.sheet is not None else None
    editor = ClipEditor(model, _settings(args))
    keep = _keep(args)
    try:
        report = editor.edit(
            args.source, args.output, faces, measures=measures, sheet=sheet, keep=keep
        )
    except KeyboardInterrupt:
        if keep is not None:
            print(f"the same command goes on with the analysis in {keep.folder}", file=sys.stderr)
        raise
    if args.report is not None:
        report.save(args.report)
    if sheet is not None:
        sheet.save(args.sheet)
    _tell(report)
    return 0


def _settings(args: argparse.Namespace) -> EditSettings:
    if args.chunk is not None and args.chunk < 1:
        raise BadInputError(f"--chunk is {args.chunk}; allowed are 1 and more frames")
    if args.detect_every < 1:
        raise BadInputError(f"--detect-every is {args.detect_every}; allowed are 1 and more frames")
    sigmas = {f"{name}_sigma": getattr(args, f"{name}_sigma") for name in SIGMAS}
    for name, sigma in sigmas.items():
        if not 0 <= sigma < float("inf"):
            option = name.replace("_", "-")
            raise BadInputError(f"--{option} is {sigma:g}; allowed are 0 and more frames")
    return EditSettings(
        size=args.size,
        chunk=args.chunk,
        steps=args.steps,
        offsets=args.offsets,
        detect_every=args.detect_every,
        **sigmas,
        blend=args.blend,
        mask=MaskSettings(regions=parse_region(args.region) if args.region else ()),
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


def _keep(args: argparse.Namespace) -> Keep | None:
    if not args.keep:
        return None
    return Keep(args.cache) if args.cache else Keep.beside(args.output, args.source)


def _check_folder(path: Path | None) -> None:
    """A report that cannot be written shall be told before an hour's work, not after it."""
    if path is not None and not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {path.parent}")


def _tell(report: EditReport) -> None:
    print(
        f"{report.output}: {report.frames} frames in {report.wall_seconds:.0f} s, "
        f"{report.faces} edited, "
        f"{report.passed_through} passed through without a face",
        file=sys.stderr,
    )
    if len(report.people) > 1:
        for _, person in sorted(report.people.items()):
            print(f"person {person.number}: {person.frames} frames", file=sys.stderr)
    if report.analysis:
        size, folder = report.analysis["megabytes"], report.analysis["folder"]
        print(f"{folder}: {size:.0f} MB of analysis for the next edit", file=sys.stderr)
    for remark in report.remarks:
        print(remark, file=sys.stderr)
    for loss in report.dropped:
        print(f"not in the output: {loss}", file=sys.stderr)
