"""The ``videoinv`` command: how it ends, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM: to be treated as Ctrl-C, so that nothing half-written stays."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 1 failure, 2 bad usage or input, 130 on Ctrl-C, 143 when terminated.
    """
    try:
        with _terminable():
            # Torch and others take seconds to import, in which Ctrl-C is one line, too.
            from pipelines.commands import run

            return run(arguments)
    except Terminated:
        print("videoinv: terminated", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print("videoinv: interrupted", file=sys.stderr)
        return INTERRUPTED


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Within it, SIGTERM raises ``Terminated``, where a program may say so: in its main thread."""
    process = os.getpid()

    def terminate(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a fork has no message and no files of its own
            os._exit(TERMINATED)
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # another thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
