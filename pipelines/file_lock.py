"""A file that one process at a time may have to itself."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import BinaryIO


def lock(file: BinaryIO) -> bool:
    """Whether the file is ours alone until it is closed, be that by a kill."""
    try:
        if sys.platform == "win32":
            import msvcrt

            here = file.tell()
            file.seek(2**40)  # a place where nothing is, since what is locked cannot be read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(here)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_if_free(path: Path) -> bool:
    """Remove a file unless a process has it to itself; whether it was removed. Never fails."""
    with contextlib.suppress(OSError):
        with path.open("rb+") as file:
            is_free = lock(file)
        if is_free:  # closed by now: Windows removes no file that is open
            path.unlink()
            return True
    return False
