"""Which clips a command line means; any file that is named is tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.media.sequences import is_sequence
from videoinv.errors import BadInputError

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".mxf")


def find_clips(sources: Sequence[str | Path]) -> list[Path]:
    """The clips that files, folders and patterns name, each once, in the order given.

    A folder of pictures, or a pattern of their names, is one clip.

    Raises:
        BadInputError: if a folder or a pattern names none, or two clips have one name.
    """
    clips = list(dict.fromkeys(clip for source in sources for clip in _clips_of(Path(source))))
    by_stem: dict[str, Path] = {}
    for clip in clips:
        twin = by_stem.setdefault(clip.stem, clip)
        if twin is not clip:
            raise BadInputError(f"{twin} and {clip} would have results of one name: rename one")
    return clips


def _clips_of(source: Path) -> list[Path]:
    if source.is_dir():
        videos = sorted(path for path in source.iterdir() if _is_video(path))
        if videos or is_sequence(source):
            return videos or [source]
        raise BadInputError(
            f"{source} holds no video ({', '.join(VIDEO_SUFFIXES)}) and no pictures"
        )
    # A file of that very name comes first: names may hold brackets.
    if source.exists() or is_sequence(source) or not any(sign in source.name for sign in "*?["):
        return [source]
    found = sorted(path for path in source.parent.glob(source.name) if _is_video(path))
    if not found:
        raise BadInputError(f"{source} names no video ({', '.join(VIDEO_SUFFIXES)})")
    return found


def _is_video(path: Path) -> bool:
    """Whether there is a file whose name says that it is a video; hidden ones are not meant."""
    is_hidden = path.name.startswith(".")
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and not is_hidden
