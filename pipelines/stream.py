"""Stages side by side: each a generator in a thread of its own, with a short queue to the next.

A queue that is full holds its stage back, so what is in memory does not depend on how long the
video is, and the whole runs at the speed of its slowest stage. Decoding, OpenCV and PyTorch do
their work without Python's lock, so threads are enough.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from types import TracebackType
from typing import Generic, TypeVar

from pipelines.timing import StageTimes
from videoinv.errors import VideoInvError

T = TypeVar("T")

ROOM = 2
"""Frames that may wait between two stages: one to take, one to make. A frame of 4K video is some
40 MB, and more room would help only stages whose time varies much from frame to frame."""
_POLL = 0.2
"""Seconds after which a waiting thread looks up: without it, Ctrl-C is not heard on Windows."""


class StreamStoppedError(Exception):
    """Raised inside a stage to end it, because another stage failed or nobody wants more."""


class Stream:
    """Runs stages that pass on one item per frame, in order; a context manager.

    ::

        with Stream(times) as stream:
            frames = stream.stage("decode", reader.frames())
            faces = stream.stage("locate", locate(frames))
            for face in faces: ...

    The first error in any stage stops all of them and leaves the block with its own type and
    message, which then says the stage and the frame. However the block is left, no thread of it
    is alive afterwards.

    Args:
        times: takes in the seconds of every stage.
        side_by_side: False runs the stages in turns in the caller's own thread, which shows what
            each takes when nothing competes with it.
    """

    def __init__(self, times: StageTimes, *, side_by_side: bool = True) -> None:
        self.times = times
        self._side_by_side = side_by_side
        self._open = ExitStack()
        self._changed = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None
        self._place = _Place()

    def stage(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items, made in a thread of their own from now on.

        Args:
            name: of the stage, in times and errors.
            items: what the stage does, usually a generator over the stage before.
        """
        if not self._side_by_side:
            turns = self._in_turn(name, items)
            self._open.callback(turns.close)
            return turns
        link: _Link[T] = _Link(self)
        thread = threading.Thread(
            target=self._run, args=(name, items, link), name=f"videoinv {name}", daemon=True
        )
        self._open.callback(_wait_for, thread)
        thread.start()
        return link

    def check(self) -> None:
        """A place at which a stage that works long on one frame can be ended.

        Raises:
            StreamStoppedError: if it shall end.
        """
        if self._stopped:
            raise StreamStoppedError

    def stop(self) -> None:
        """End all stages as soon as they take or give an item."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @contextmanager
    def waiting(self, ready: Callable[[], bool]) -> Iterator[None]:
        """Wait until it is so, on nobody's time, then change the queues inside the block.

        Raises:
            StreamStoppedError: if the stage shall end.
        """
        with self.times.waiting(), self._changed:
            while not (self._stopped or ready()):
                self._changed.wait(_POLL)
            self.check()
            yield
            self._changed.notify_all()

    def now_at(self, frame: int) -> None:
        """Note which frame the calling stage has in hand, for the message of an error."""
        self._place.frame = frame

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._open.close()
        if self._error is not None and (error is None or isinstance(error, StreamStoppedError)):
            raise self._error

    def _run(self, name: str, items: Iterable[T], link: _Link[T]) -> None:
        """A stage's thread, from its first item to its last or to the first error of any stage."""
        try:
            with self.times.measure(name), closing(_generator(items)) as iterator:
                for item in iterator:
                    link.put(item)
            link.end()
        except BaseException as error:
            if self._stopped and isinstance(error, StreamStoppedError):
                return
            at = self._place.frame
            self._fail(error, name, link.given if at is None else at)

    def _in_turn(self, name: str, items: Iterable[T]) -> Generator[T]:
        made = 0
        try:
            with closing(_generator(items)) as iterator:
                for item in self.times.timed(name, iterator):
                    yield item
                    made += 1
        except Exception as error:
            self._fail(error, name, made)
            raise

    def _fail(self, error: BaseException, stage: str, frame: int) -> None:
        """Keep the first error, which says from now on where it happened, and end all stages."""
        with self._changed:
            if not self._stopped:
                self._error = error
                _add_place(error, f"stage '{stage}', frame {frame}")
        self.stop()


def _wait_for(thread: threading.Thread) -> None:
    """Wait for its end, even through a second Ctrl-C: it may be inside what is closed next."""
    again: KeyboardInterrupt | None = None
    while thread.is_alive():
        try:
            thread.join(_POLL)
        except KeyboardInterrupt as error:
            again = error
    if again is not None:
        raise again


class _Link(Generic[T]):
    """The finished items of one stage, at most ``ROOM`` at a time; iterating it takes them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._items: deque[T] = deque()
        self._taken = 0
        self._ended = False
        self.given = 0

    def put(self, item: T) -> None:
        with self._stream.waiting(lambda: len(self._items) < ROOM):
            self._items.append(item)
        self.given += 1

    def end(self) -> None:
        with self._stream.waiting(lambda: True):
            self._ended = True

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._stream.waiting(lambda: bool(self._items) or self._ended):
            taken = [self._items.popleft()] if self._items else []
        if not taken:
            raise StopIteration
        self._stream.now_at(self._taken)
        self._taken += 1
        return taken[0]


class _Place(threading.local):
    """The frame that a thread has taken from the stage before; ``None``: it takes none."""

    frame: int | None = None


def _generator(items: Iterable[T]) -> Generator[T]:
    """What can be closed, so that a stage that is ended lets go of its files in its own thread."""
    yield from items


def _add_place(error: BaseException, place: str) -> None:
    """Say where it happened, in the message of our own errors and beside that of others."""
    if isinstance(error, VideoInvError):
        error.args = (f"{error} ({place})",)
    else:
        error.add_note(f"in {place}")
