"""Which files of a folder are taken for videos; any file that is named is tried."""

from __future__ import annotations

from pathlib import Path

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")


def is_video(path: Path) -> bool:
    """Whether there is a file whose name says that it is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
