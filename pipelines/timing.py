"""How long each stage of a pipeline works, without what it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


class StageTimes:
    """Seconds by stage name, measured in any number of threads.

    Within a thread, the time spent in an inner stage is the inner one's, not the outer's. Where
    stages run side by side their seconds add up to more than the clock's.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()
        self._lock = threading.Lock()
        self._thread = _Running()

    @property
    def wall(self) -> float:
        """Seconds on the clock since the measurement began."""
        return time.perf_counter() - self._started

    @property
    def slowest(self) -> str | None:
        """The stage with the most seconds of its own: the one that all others wait for."""
        return max(self.seconds, key=self.seconds.__getitem__, default=None)

    def waiting(self) -> AbstractContextManager[None]:
        """Count the time inside the block for nobody."""
        return self.measure(None)

    @contextmanager
    def measure(self, name: str | None) -> Iterator[None]:
        """Count the time inside the block for a stage."""
        self._charge()
        self._thread.stages.append(name)
        try:
            yield
        finally:
            self._charge()
            self._thread.stages.pop()

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
        """Give the time since this thread's last change to the stage that it was running."""
        now = time.perf_counter()
        name = self._thread.stages[-1] if self._thread.stages else None
        if name is not None:
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + now - self._thread.mark
        self._thread.mark = now


class _Running(threading.local):
    """The stages that one thread is inside of, and when that last changed."""

    def __init__(self) -> None:
        self.stages: list[str | None] = []
        self.mark = time.perf_counter()
