"""Places for results, asked for before an hour's work and not after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from videoinv.errors import BadInputError, OutputError


class PlaceError(OutputError, BadInputError):
    """The place that was named for a result cannot take it; the caller can name another."""


def names_folder(place: str | Path) -> bool:
    """Whether a path means a folder: there is one, or it ends with a slash."""
    return str(place).endswith(("/", os.sep)) or Path(place).is_dir()


def make_folder(folder: Path, advice: str = "choose another") -> None:
    """Make a folder, and those that it lies in, unless it is there.

    Args:
        folder: to make.
        advice: what to do if that does not go.

    Raises:
        PlaceError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if folder.is_file() else error.strerror
        raise PlaceError(f"folder {folder} cannot be made ({why}): {advice}") from error


@contextmanager
def folders_made(folders: Iterable[Path]) -> Iterator[None]:
    """Make folders for results; those that stay empty go again, so a mistake leaves nothing.

    Raises:
        PlaceError: if one cannot be made, or nothing can be written in it.
    """
    folders = list(dict.fromkeys(folders))
    absent = {place for folder in folders for place in (folder, *folder.parents)}
    absent = {place for place in absent if not place.exists()}
    try:
        for folder in folders:
            make_folder(folder)
            _try_to_write(folder)
        yield
    finally:
        for place in sorted(absent, reverse=True):  # the inner ones first
            with suppress(OSError):
                place.rmdir()  # which only takes an empty one


def _try_to_write(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PlaceError(
            f"folder {folder} cannot be written to ({error.strerror}): choose another"
        ) from error


def require_folders_of(*files: Path | None) -> None:
    """Refuse files whose folder is missing; ``None`` is a file that nobody asked for.

    Raises:
        PlaceError: naming the first.
    """
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise PlaceError(f"{file} cannot be written: there is no folder {file.parent}")


def require_apart(outputs: Iterable[tuple[str, Path | None]], inputs: Iterable[Path] = ()) -> None:
    """Refuse outputs that would overwrite an input or one another.

    Args:
        outputs: what the command line calls each, and where it goes; ``None``: nowhere.
        inputs: what is read.

    Raises:
        PlaceError: naming the first.
    """
    taken = {_identity(path): "the input itself, which is never overwritten" for path in inputs}
    for name, path in outputs:
        if path is None:
            continue
        if (other := taken.get(_identity(path))) is not None:
            raise PlaceError(f"{name} {path}: that is {other}; choose another name")
        taken[_identity(path)] = f"{name}, too"


def existing_files(names: Iterable[str | None]) -> list[Path]:
    """Those of some names that are files here: a model or a face may be named or be a file."""
    paths = (Path(name).expanduser() for name in names if name)
    return [path for path in paths if path.is_file()]


def _identity(path: Path) -> object:
    """What all paths to one file have in common, also while it is not there."""
    try:
        status = path.stat()
    except OSError:
        return os.path.normcase(os.path.realpath(path))
    return status.st_dev, status.st_ino
