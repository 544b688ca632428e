"""The subcommands of ``videoinv`` and how a command line is read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pipelines import directions, edit_command, invert, models, train, train_heads, webcam
from pipelines.bench import command as bench
from pipelines.evaluation import command as evaluate
from videoinv import __version__
from videoinv.errors import VideoInvError


def run(arguments: Sequence[str] | None) -> int:
    """Run one command; its exit code, after a line that says what is wrong."""
    args = parse(arguments)
    try:
        code: int = args.run(args)
    except VideoInvError as error:
        print(f"videoinv: {error}", file=sys.stderr)
        return error.exit_code
    return code


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of a command; ``evaluate``'s paths may also come after its options.

    ``argparse`` takes all positional arguments at the first place where it finds some, so that in
    ``evaluate study -o FOLDER CLIP`` the clip is left over.
    """
    parser = build_parser()
    args, rest = parser.parse_known_args(arguments)
    if rest and not (hasattr(args, "what") and not any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.what += rest
    return args


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="videoinv",
        description="Edit the face of a person in a video by GAN inversion.",
        epilog="exit codes: 0 done, 1 failure, 2 bad usage or input, 130 interrupted, "
        "143 terminated",
    )
    parser.add_argument("--version", action="version", version=f"videoinv {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    everyday = (edit_command, invert, webcam, evaluate, models, directions)
    for command in (*everyday, bench, train, train_heads):
        command.add_parser(commands)
    return parser
