"""The folder beside the output in which the analysis of clips is kept.

One file for each clip and each set of settings that changes the results: another setting begins
another file, and going back finds the old one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from pipelines.cache.tape import Tape
from pipelines.file_lock import remove_if_free
from pipelines.folders import make_folder
from videoinv.checkpoints.cache import sha256_of
from videoinv.errors import BadInputError, MediaError

FORMAT = 3
"""Counts up whenever the same settings give other results, or results in another form."""
LIMIT = 2 * 2**30
"""Bytes of a folder that was not asked for by name which stay when a clip is done."""
SUFFIX = ".tape"


@dataclass(frozen=True)
class Keep:
    """Where analysis is kept, and how much of it."""

    folder: Path
    """Made if absent."""
    limit: int | None = None
    """Bytes that may stay after a clean exit, the oldest go first; ``None``: all. After an error or
    a kill everything stays, so that the run can go on."""

    @classmethod
    def beside(cls, output: Path, source: Path) -> Keep:
        """What is kept unless another place is asked for.

        The folder bears the input's name and not the output's: the next edit of this clip usually
        has another.
        """
        return cls(output.parent / f"{source.stem}.videoinv", LIMIT)


class AnalysisCache:
    """The tapes of one clip; a context manager.

    Args:
        keep: where; ``None``: nowhere.
        content: the files of the clip, known by what they hold and not by their names.

    Raises:
        MediaError: on entry, if the clip cannot be read.
        OutputError: on entry, if the folder cannot be made.
    """

    def __init__(self, keep: Keep | None, content: Sequence[Path]) -> None:
        self.remarks: list[str] = []
        """What is to be told, a sentence each; complete after the exit."""
        self._keep, self._content = keep, content
        self._clip = ""
        self._tapes: dict[str, Tape] = {}

    def tape(self, kind: str, settings: Mapping[str, object]) -> Tape:
        """The tape of one kind of results.

        Args:
            kind: for instance ``faces``.
            settings: everything beside the clip that the results depend on.
        """
        path, about = None, ""
        if self._keep is not None:
            about = json.dumps({"format": FORMAT, "clip": self._clip, **settings}, default=str)
            key = sha256(about.encode()).hexdigest()
            path = self._keep.folder / f"{self._clip[:12]}-{kind}-{key[:16]}{SUFFIX}"
        self._tapes[kind] = Tape(path, about)
        return self._tapes[kind]

    @property
    def bytes(self) -> int:
        """What the folder holds."""
        return sum(status.st_size for _, status in self._files())

    def summary(self) -> dict[str, object]:
        """As it stands in the report."""
        if self._keep is None:
            return {}
        results = {
            kind: {"read_back": tape.played, "computed": tape.computed}
            for kind, tape in self._tapes.items()
        }
        return {
            "folder": str(self._keep.folder),
            "megabytes": round(self.bytes / 1e6, 1),
            **results,
        }

    def __enter__(self) -> AnalysisCache:
        if self._keep is not None:
            self._clip = _digest(self._content)
            make_folder(self._keep.folder, "choose another with --cache DIR, or --no-cache")
            self._compare(self._keep.folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for tape in self._tapes.values():
            tape.close()
            self.remarks += tape.remarks
            if isinstance(error, BadInputError) and tape.path is not None and not tape.played:
                remove_if_free(tape.path)  # a mistake leaves nothing behind
        if self._keep is None:
            return
        if error is None and self._keep.limit is not None:
            self._touch()
            self._trim(self._keep.folder, self._keep.limit)
        with suppress(OSError):
            self._keep.folder.rmdir()  # which only takes an empty one

    def _compare(self, folder: Path) -> None:
        """Say so if everything here is about other clips: perhaps this one was changed."""
        files = self._files()
        if files and not any(path.name.startswith(self._clip[:12]) for path, _ in files):
            self.remarks.append(
                f"{folder} holds the analysis of another content than {self._content[0]} has now: "
                "it is analysed afresh"
            )

    def _touch(self) -> None:
        """Make the tapes of this run the youngest, also those that were only played."""
        for tape in self._tapes.values():
            if tape.path is not None:
                with suppress(OSError):
                    os.utime(tape.path)

    def _trim(self, folder: Path, limit: int) -> None:
        """Remove the oldest tapes that no other run is at work on."""
        removed = 0
        oldest_first = sorted(self._files(), key=lambda file: file[1].st_mtime)
        for path, status in oldest_first:
            if self.bytes > limit and remove_if_free(path):
                removed += status.st_size
        if removed:
            self.remarks.append(
                f"{removed / 1e9:.1f} GB of analysis were removed from {folder}, which keeps "
                f"{limit / 1e9:.1f} GB; --cache DIR keeps all"
            )

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """The tapes that are there now; another run may be removing some."""
        found = []
        for path in self._keep.folder.glob(f"*{SUFFIX}") if self._keep is not None else ():
            with suppress(FileNotFoundError):
                found.append((path, path.stat()))
        return found


def _digest(content: Sequence[Path]) -> str:
    try:
        digests = [sha256_of(path) for path in content]
    except OSError as error:
        raise MediaError(f"{error.filename} cannot be read: {error.strerror}") from error
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()
