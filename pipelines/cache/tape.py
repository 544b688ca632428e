"""A tape of results: played back as far as it goes, and recorded from there on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from pipelines.cache.records import DamagedRecordError, Record, read_record, write_all, write_record
from pipelines.file_lock import lock

MAGIC = b"videoinv tape 1\n"
RESERVE = 4 * 2**30
"""Bytes that a tape leaves free on its disk: the output needs room, too. An hour of features is
120 GB, so a long clip does come to this."""

Tensors = Mapping[str, Tensor]


class Tape:
    """The results of a fixed sequence of computations, in a file.

    A program that asks for the same results in the same order gets them from the tape as far as it
    reaches, and computes and records the others. What was recorded is played back bit for bit.

    A tape is never a reason to fail: where it is damaged, does not fit or cannot be written, the
    results are computed, and ``remarks`` says what happened.

    Args:
        path: of the file; its folder exists. ``None``: nothing is kept.
        about: one line of all that the results depend on; a file with another one is not ours.
        reserve: bytes to leave free on the disk.
    """

    def __init__(self, path: Path | None, about: str = "", *, reserve: int = RESERVE) -> None:
        self.path = path
        self.remarks: list[str] = []
        """What went wrong, a sentence each."""
        self.played = 0
        """Results that came from the file."""
        self.computed = 0
        """Results that had to be computed."""
        self._head = MAGIC + about.encode() + b"\n"
        self._reserve = reserve
        self._is_playing = True
        self._file: BinaryIO | None = None
        if path is not None:
            self._file = self._open(path)

    def play(self, label: str, compute: Callable[[], Tensors]) -> Tensors:
        """The next result: the tape's, or computed and recorded.

        Args:
            label: what is asked for, the same whenever the sequence is asked for again.
            compute: makes it.
        """
        if self._file is not None and self._is_playing:
            record = self._next(self._file, label)
            if record is not None:
                self.played += 1
                return record.tensors
        tensors = compute()
        self.computed += 1
        if self._file is not None:
            self._record(self._file, Record(label, tensors))
        return tensors

    def close(self) -> None:
        """Let go of the file; other runs may use it then."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _open(self, path: Path) -> BinaryIO | None:
        try:
            # Unbuffered: what is written is safe from a kill, and a failed write leaves no rest.
            file = path.open("r+b" if path.exists() else "x+b", buffering=0)
        except OSError as error:
            self._remark(f"cannot be opened ({error.strerror}); the work goes on without it")
            return None
        if not lock(file):
            file.close()
            self._remark("is in use by another run; the work goes on without it")
            return None
        try:
            self._begin(file)
        except OSError as error:
            file.close()
            self._remark(f"cannot be begun ({error.strerror}); the work goes on without it")
            return None
        return file

    def _begin(self, file: BinaryIO) -> None:
        """Stand behind the head; a file with another one is emptied."""
        start = file.read(len(self._head))
        if start == self._head:
            return
        if not self._head.startswith(start):
            self._remark("was no analysis with these settings: made afresh")
        file.seek(0)
        file.truncate()
        write_all(file, self._head)

    def _next(self, file: BinaryIO, label: str) -> Record | None:
        """The record at this place if it is the one; else the tape is cut here."""
        here = file.tell()
        try:
            record = read_record(file)
        except (DamagedRecordError, OSError) as error:
            self._cut(file, here, f"is damaged ({error})")
            return None
        if record is None:
            self._cut(file, here)
        elif record.label != label:
            self._cut(file, here, f"holds '{record.label}' where '{label}' is due")
            return None
        return record

    def _cut(self, file: BinaryIO, here: int, problem: str = "") -> None:
        """End the tape here; what comes is recorded."""
        self._is_playing = False
        if problem:
            self._remark(f"{problem} after {self.played} results: the rest is computed afresh")
        try:
            file.seek(here)
            file.truncate()
        except OSError as error:
            self._give_up(str(error.strerror))

    def _record(self, file: BinaryIO, record: Record) -> None:
        here = file.tell()
        try:
            if shutil.disk_usage(file.name).free >= self._reserve:
                write_record(file, record)
                return
            why = f"the disk has less than {self._reserve / 1e9:.1f} GB left"
        except OSError as error:
            why = str(error.strerror)
            with suppress(OSError):
                file.truncate(here)
        self._give_up(why)

    def _give_up(self, why: str) -> None:
        self._remark(f"is kept no further ({why}); the work goes on without it")
        self.close()

    def _remark(self, what: str) -> None:
        self.remarks.append(f"{self.path} {what}")
