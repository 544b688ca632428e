"""Which clips a command line means, and how they are to be made."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from pipelines.compose import Blend
from pipelines.edit import EditSettings
from pipelines.evaluation.work import Job
from pipelines.media.sequences import is_sequence
from pipelines.media.videos import find_clips
from pipelines.model_options import ModelChoice
from videoinv.checkpoints.catalog import load_catalog
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError


def clips_to_score(paths: Sequence[Path]) -> list[Path]:
    """Video files: what ``find_clips`` finds, and clips of the catalog by name, in the order given.

    Raises:
        BadInputError: see ``find_clips``; also if one is not there, or is a film of pictures.
        FetchError: a clip of the catalog is not cached and cannot be fetched.
    """
    named = [entry.name for entry in load_catalog().values() if entry.role == "clip"]
    clips = find_clips([_fetched(path, named) for path in paths])
    for clip in clips:
        if is_sequence(clip):
            raise BadInputError(f"{clip} is a film of pictures; what is scored is a video file")
        if not clip.exists():
            raise BadInputError(
                f"{clip}: no such file or folder, and no clip of the catalog ({', '.join(named)})"
            )
    return clips


def _fetched(path: Path, named: Collection[str]) -> Path:
    """The file of the clip of the catalog, if that is what a path names."""
    return fetch(str(path)) if str(path) in named and not path.exists() else path


def job_of(args: argparse.Namespace, default_edit: str | None = None) -> Job:
    """What the options of ``videoinv evaluate`` ask for.

    Args:
        args: of the command line.
        default_edit: if none is given.
    """
    edits = tuple(args.edit) or ((default_edit,) if default_edit else ())
    # Added to the source, no change is no picture: without edits the face must be replaced.
    blend: Blend = args.blend or ("residual" if edits else "replace")
    return Job(
        ModelChoice.of(args),
        edits,
        # In turns, so that what each stage takes can be told apart from what scoring takes.
        EditSettings(steps=args.steps, blend=blend, side_by_side=False),
        args.frames,
    )
