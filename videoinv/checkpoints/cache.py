"""The user's cache folder, and files that appear in it only when they are complete."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

from videoinv.errors import OutputError

FREE_SPACE = "free some space, or choose another place"
CHOOSE_CACHE = "free some space, or set VIDEOINV_CACHE to a folder that can be written"
"""What a user can do about a file that cannot be written, and about one of the cache."""


def cache_dir() -> Path:
    """Folder of fetched and converted files, created when absent.

    ``VIDEOINV_CACHE`` if set, else the place that the operating system gives to caches.

    Raises:
        OutputError: the folder cannot be made.
    """
    chosen = os.environ.get("VIDEOINV_CACHE")
    folder = Path(chosen).expanduser().absolute() if chosen else _platform_cache() / "videoinv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the cache folder {folder} cannot be made ({error.strerror}): "
            "set VIDEOINV_CACHE to a folder that can be written"
        ) from error
    return folder


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` to write to, which becomes ``target`` on success.

    Readers see the old file or the complete new one, never a part; on an error nothing is left.
    Its suffix is ``target``'s own, for writers that choose a format by name.
    """
    part = target.with_name(f".part-{uuid4().hex}{target.suffix}")
    try:
        yield part
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def write_path(target: Path, what: str, remedy: str = FREE_SPACE) -> Iterator[Path]:
    """:func:`atomic_path`, its failures told in this project's words.

    Args:
        target: of the file.
        what: what is written, as the error calls it: ``the directions``.
        remedy: what the error asks the user to do.

    Raises:
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    try:
        with atomic_path(target) as part:
            yield part
    except (OSError, SafetensorError) as error:
        # safetensors reports a full disk as an error of its own, which is no OSError.
        raise OutputError(f"{target}: {what} cannot be written ({error}): {remedy}") from error


def _sync(path: Path) -> None:
    """Force ``path`` onto the disk, so that a power cut cannot leave its name on half a file."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
