"""How long each stage of a chain of iterators takes, without what it waits for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class StageTimes:
    """Seconds by stage name. Time spent in an inner stage is the inner one's, not the outer's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._mark = time.perf_counter()

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Count the time inside the block for a stage."""
        self._charge()
        self._running.append(name)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()

    def timed(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time to make each counts for a stage."""
        iterator = iter(items)
        while True:
            with self.measure(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _charge(self) -> None:
        """Give the time since the last change to the stage that was running."""
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._mark
        self._mark = now
