"""Files that appear under their names only when they are complete."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.file_lock import lock, remove_if_free
from pipelines.folders import PlaceError

_LOCK = ".lock"
"""The file in a folder that is being filled by which others see that it is."""


class PartialFile:
    """A hidden neighbour of ``target`` that takes its place at the end, or vanishes.

    After a kill it vanishes when the next one for the same target is made.

    Raises:
        PlaceError: if the folder is missing or nothing can be written in it.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        # The suffix stays last: libav looks at it.
        name = f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}"
        self.path = target.parent / name
        if target.is_dir():
            raise PlaceError(f"output {target}: a folder has that name; give the path of a file")
        if not target.parent.is_dir():
            raise PlaceError(
                f"output {target}: there is no folder {target.parent}; make it or choose another"
            )
        _remove_orphans(target)
        try:
            self._held = self.path.open("xb")
        except OSError as error:
            raise PlaceError(
                f"output {target}: the folder {target.parent} cannot be written to "
                f"({error.strerror}); choose another"
            ) from error
        lock(self._held)  # says to others that somebody is still at work on it

    def complete(self) -> None:
        """Make sure that the content is on the disk, then give it its name, in one step.

        Raises:
            OSError: if the disk does not take it.
        """
        os.fsync(self._held.fileno())
        if sys.platform == "win32":
            self._held.close()  # no file that is open is renamed there
        self.path.replace(self._target)
        self._held.close()

    def discard(self) -> None:
        """Remove it; never fails, so that it can run while another error is on its way."""
        with contextlib.suppress(OSError):
            self._held.close()
            self.path.unlink()


def _remove_orphans(target: Path) -> None:
    """Remove what killed runs have left of their outputs; those of live ones are locked."""
    for path in target.parent.glob(f".{glob.escape(target.stem)}.*.part{target.suffix}"):
        remove_if_free(path)


class PartialFolder:
    """Files that appear under their names only when all of them are there.

    They are kept in a hidden neighbour of ``target``, which takes its place or, if there is such a
    folder already, gives it the files. After a kill it vanishes when the next one for the same
    target is made.

    Args:
        target: the folder of the files.
        matches: whether a name could become that of one of the files; none may be there yet.

    Raises:
        PlaceError: if its parent is missing, or it holds such files, or nothing can be written.
    """

    def __init__(self, target: Path, matches: Callable[[str], bool]) -> None:
        self._target = target
        absolute = target.absolute()
        if not absolute.parent.is_dir() or (target.exists() and not target.is_dir()):
            raise PlaceError(
                f"output {target}: that cannot be a folder; make its parent or choose another name"
            )
        there = (entry.name for entry in target.iterdir()) if target.exists() else ()
        taken = next((name for name in there if matches(name)), None)
        if taken is not None:
            raise PlaceError(
                f"output {target}: it already holds {taken}, which is never overwritten here; "
                "choose a new folder or remove the pictures"
            )
        _remove_orphan_folders(absolute)
        self._path = absolute.parent / f".{absolute.name}.{secrets.token_hex(4)}.part"
        try:
            self._path.mkdir()
            self._held = (self._path / _LOCK).open("xb")
        except OSError as error:
            with contextlib.suppress(OSError):
                self._path.rmdir()
            raise PlaceError(
                f"output {target}: the folder {absolute.parent} cannot be written to "
                f"({error.strerror}); choose another"
            ) from error
        lock(self._held)  # says to others that somebody is still at work on it

    def add(self, name: str, content: bytes) -> None:
        """Write one file.

        Raises:
            OSError: if the disk does not take it.
        """
        (self._path / name).write_bytes(content)

    def complete(self) -> None:
        """Make sure that all contents are on the disk, then give everything its name.

        Raises:
            OSError: if that does not go.
        """
        files = sorted(file for file in self._path.iterdir() if file.name != _LOCK)
        for file in files:
            _sync(file)
        is_there = self._target.exists()
        for file in files if is_there else ():
            file.replace(self._target / file.name)
        self._held.close()
        (self._path / _LOCK).unlink()
        if is_there:
            self._path.rmdir()
        else:
            self._path.rename(self._target)

    def discard(self) -> None:
        """Remove it; never fails."""
        with contextlib.suppress(OSError):
            self._held.close()
        shutil.rmtree(self._path, ignore_errors=True)


def _remove_orphan_folders(target: Path) -> None:
    """As ``_remove_orphans``; a folder without its lock is about to be complete, or just begun."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        if remove_if_free(path / _LOCK):
            shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
