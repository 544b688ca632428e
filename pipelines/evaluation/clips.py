"""Which clips a command line means, and how they are to be made."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipelines.compose import Blend
from pipelines.edit import EditSettings
from pipelines.evaluation.work import Job
from pipelines.media.videos import VIDEO_SUFFIXES, is_video
from pipelines.model_options import ModelChoice
from videoinv.checkpoints.catalog import load_catalog
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError


def find_clips(paths: Sequence[Path]) -> list[Path]:
    """Videos, the videos in folders, and clips of the catalog by name, in the order given.

    Raises:
        BadInputError: if one is not there, a folder holds none, or two have the same name.
        FetchError: a clip of the catalog is not cached and cannot be fetched.
    """
    clips = [clip for path in paths for clip in _clips_of(path)]
    stems = [clip.stem for clip in clips]
    twins = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twins:
        raise BadInputError(
            f"two clips are named {twins[0]}, so their results would be one file: rename one"
        )
    return clips


def _clips_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        named = [entry.name for entry in load_catalog().values() if entry.role == "clip"]
        if str(path) in named:
            return [fetch(str(path))]
        raise BadInputError(
            f"{path}: no such file or folder, and no clip of the catalog ({', '.join(named)})"
        )
    clips = sorted(clip for clip in path.iterdir() if is_video(clip))
    if not clips:
        raise BadInputError(f"{path} holds no video ({', '.join(VIDEO_SUFFIXES)})")
    return clips


def job_of(args: argparse.Namespace, default_edit: str | None = None) -> Job:
    """What the options of ``videoinv evaluate`` ask for.

    Args:
        args: of the command line.
        default_edit: if none is given.

    Raises:
        BadInputError: if ``--frames`` is not positive.
    """
    if args.frames is not None and args.frames < 1:
        raise BadInputError(f"--frames is {args.frames}; allowed are 1 and more")
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
