"""A file that appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from videoinv.errors import OutputError


class PartialFile:
    """A hidden neighbour of ``target`` that takes its place at the end, or vanishes.

    Raises:
        OutputError: if the folder is missing or nothing can be written in it.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        # The suffix stays last: libav looks at it.
        name = f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}"
        self.path = target.parent / name
        if target.is_dir():
            raise OutputError(f"output {target}: a folder has that name; give the path of a file")
        if not target.parent.is_dir():
            raise OutputError(
                f"output {target}: there is no folder {target.parent}; make it or choose another"
            )
        try:
            self.path.open("xb").close()
        except OSError as error:
            raise OutputError(
                f"output {target}: the folder {target.parent} cannot be written to "
                f"({error.strerror}); choose another"
            ) from error

    def complete(self) -> None:
        """Make sure that the content is on the disk, then give it its name, in one step.

        Raises:
            OSError: if the disk does not take it.
        """
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self._target)

    def discard(self) -> None:
        """Remove it; never fails, so that it can run while another error is on its way."""
        with contextlib.suppress(OSError):
            self.path.unlink()
