"""``videoinv evaluate``: which of its forms a command line asks for."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.evaluation.forms import (
    clips_form,
    compare_form,
    pair_form,
    ravdess_form,
    study_form,
)
from pipelines.evaluation.options import COMPARE, DESCRIPTION, RAVDESS, STUDY, USAGE, add_options
from pipelines.folders import folders_made
from videoinv.errors import BadInputError

FORMS = {RAVDESS: ravdess_form, STUDY: study_form, COMPARE: compare_form}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluate`` to the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="measure how well and how steadily videos are inverted or edited",
        usage=USAGE,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and write the report.

    Raises:
        BadInputError: if ``--frames`` is not positive, or a path is no clip.
        PlaceError: if the report cannot be written where it shall be.
    """
    if args.frames is not None and args.frames < 1:
        raise BadInputError(f"--frames is {args.frames}; allowed are 1 and more")
    with folders_made([args.output, *([] if args.graph is None else [args.graph.parent])]):
        return _evaluate(args)


def _evaluate(args: argparse.Namespace) -> int:
    first, *rest = args.what
    if first in FORMS:
        if not rest:
            raise BadInputError(f"'evaluate {first}' is given nothing to evaluate: name a path")
        return FORMS[first](args, [Path(name) for name in rest])
    paths = [Path(name) for name in args.what]
    asked_for_model = args.model or args.encoder or args.generator or args.edit
    if len(paths) == 2 and all(path.is_file() for path in paths) and not asked_for_model:
        return pair_form(args, *paths)
    return clips_form(args, paths)
