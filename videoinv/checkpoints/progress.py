"""A progress bar for downloads: on a terminal only, silent in a pipe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Never

from tqdm import tqdm

POLL_SECONDS = 0.1


def byte_bar(total: int | None, label: str) -> tqdm[Never]:
    """A tqdm bar that counts bytes; ``disable=None`` is what keeps it silent in a pipe."""
    return tqdm(total=total, desc=label, unit="B", unit_scale=True, disable=None, leave=False)


@contextmanager
def watch_folder(folder: Path, total: int, label: str) -> Iterator[None]:
    """Show the growth of ``folder``, for a client that downloads into it in another process."""
    done = threading.Event()
    with byte_bar(total, label) as bar:
        watcher = threading.Thread(target=_follow, args=(folder, total, bar, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _follow(folder: Path, total: int, bar: tqdm[Never], done: threading.Event) -> None:
    while not done.wait(POLL_SECONDS):
        bar.update(max(0, min(_size(folder), total) - bar.n))


def _size(folder: Path) -> int:
    """Bytes in all files below ``folder``; files that vanish meanwhile count as nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
