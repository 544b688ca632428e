"""Threads stay at the priority that they had, whatever an encoder makes of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def priority_kept() -> Iterator[None]:
    """Put this thread, and all that begin inside the block, back to this thread's own scheduling.

    SVT-AV1 makes the thread that opens it, and its own, real-time threads of the highest priority
    wherever that is allowed, which is to root. Every thread that is started later inherits it, and
    those that wait busily, as PyTorch's do, then take all cores for good.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in (0, *(_threads() - before)):
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(entry.name) for entry in _THREADS.iterdir()}
