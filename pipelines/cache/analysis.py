"""The folder beside the output in which the analysis of clips is kept.

One file for each clip and each set of settings that changes the results: another setting begins
another file, and going back finds the old one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from pipelines.cache.tape import Tape
from videoinv.checkpoints.cache import sha256_of
from videoinv.errors import MediaError, OutputError

FORMAT = 1
"""Counts up whenever the same settings give other results, or results in another form."""
LIMIT = 2 * 2**30
"""Bytes of a folder that was not asked for by name which stay when a clip is done."""
SUFFIX = ".tape"


def folder_beside(output: Path, source: Path) -> Path:
    """Where the analysis of ``source`` is kept unless another place is asked for.

    It bears the input's name and not the output's: the next edit of this clip usually has another.
    """
    return output.parent / f"{source.stem}.videoinv"


class AnalysisCache:
    """The tapes of one clip; a context manager.

    Args:
        folder: made if absent; ``None``: nothing is kept.
        source: the clip, known by its content and not by its name.
        limit: bytes of tapes that may stay in the folder after a clean exit, the oldest go first;
            ``None``: all. After an error or a kill everything stays, so that the run can go on.

    Raises:
        MediaError: if the clip cannot be read.
        OutputError: if the folder cannot be made.
    """

    def __init__(self, folder: Path | None, source: Path, limit: int | None = None) -> None:
        self.folder = folder
        self.remarks: list[str] = []
        """What is to be told, a sentence each; complete after the exit."""
        self._limit = limit
        self._tapes: dict[str, Tape] = {}
        if folder is not None:
            self._clip = _digest(source)
            _make(folder)
            self._compare(folder, source)

    def tape(self, kind: str, settings: Mapping[str, object]) -> Tape:
        """The tape of one kind of results.

        Args:
            kind: for instance ``faces``.
            settings: everything beside the clip that the results depend on.
        """
        path, about = None, ""
        if self.folder is not None:
            about = json.dumps({"format": FORMAT, "clip": self._clip, **settings}, default=str)
            key = hashlib.sha256(about.encode()).hexdigest()
            path = self.folder / f"{self._clip[:12]}-{kind}-{key[:16]}{SUFFIX}"
        self._tapes[kind] = Tape(path, about)
        return self._tapes[kind]

    @property
    def bytes(self) -> int:
        """What the folder holds."""
        return sum(path.stat().st_size for path in self._files())

    def summary(self) -> dict[str, object]:
        """As it stands in the report."""
        if self.folder is None:
            return {}
        results = {
            kind: {"read_back": tape.played, "computed": tape.computed}
            for kind, tape in self._tapes.items()
        }
        return {"folder": str(self.folder), "megabytes": round(self.bytes / 1e6, 1), **results}

    def __enter__(self) -> AnalysisCache:
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
        if error is None and self._limit is not None:
            self._trim(self._limit)

    def _compare(self, folder: Path, source: Path) -> None:
        """Say so if everything here is about other clips: perhaps this one was changed."""
        files = self._files()
        if files and not any(path.name.startswith(self._clip[:12]) for path in files):
            self.remarks.append(
                f"{folder} holds the analysis of another content than {source} has now: it is "
                "analysed afresh"
            )

    def _trim(self, limit: int) -> None:
        removed = 0
        oldest_first = sorted(self._files(), key=lambda path: path.stat().st_mtime)
        while oldest_first and self.bytes > limit:
            path = oldest_first.pop(0)
            removed += path.stat().st_size
            path.unlink()
        if removed:
            self.remarks.append(
                f"{removed / 1e9:.1f} GB of analysis were removed from {self.folder}, which keeps "
                f"{limit / 1e9:.1f} GB; --cache DIR keeps all"
            )

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"*{SUFFIX}")) if self.folder is not None else []


def _digest(source: Path) -> str:
    try:
        return sha256_of(source)
    except OSError as error:
        raise MediaError(f"{source} cannot be read: {error.strerror}") from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the analysis cannot be kept in {folder} ({error.strerror}): choose another folder "
            "with --cache DIR, or --no-cache"
        ) from error
