"""A camera, or a video played as if it were one: always the newest picture, never a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.media.frame import Frame
from videoinv.errors import MediaError

CLOCK = Fraction(1, 1_000_000)
"""Seconds per unit of a frame's time, which counts from the camera's start."""
_PATIENCE = 5.0
"""Seconds without a picture after which a camera counts as unplugged."""


@dataclass(frozen=True, eq=False)
class _Shot:
    """A picture as it came, [H, W, 3] BGR, and when, in seconds."""

    image: NDArray[np.uint8]
    time: float


class Camera:
    """Iterating it gives the newest picture each time, at once if it was not given before.

    A thread of its own empties the camera, so that whoever takes half a second for a picture gets
    one that is new and not one that has waited. A context manager.

    Args:
        source: a camera's number, or what else OpenCV opens: a video file, which is played at its
            own speed to its end, or a stream's address.

    Raises:
        MediaError: if there is no such camera or file.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.dropped = 0
        """Pictures that nobody had time for."""
        is_device = source.isdigit()
        with _silence():
            self._capture = cv2.VideoCapture(int(source) if is_device else source)
        if not self._capture.isOpened():
            what = "camera" if is_device else "camera, file or stream"
            raise MediaError(
                f"there is no {what} {source} that opens here; cameras are numbered from 0 "
                "(--camera 1 is the second), and another program may be using this one"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._pace = 0.0 if is_device or not rate > 0 else 1 / rate
        self._begin = 0.0
        self._newest: _Shot | None = None
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="videoinv camera", daemon=True)

    def __enter__(self) -> Camera:
        self._begin = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        """Frames with increasing times until the film ends or the camera is closed.

        Raises:
            MediaError: if no picture has come for some seconds.
        """
        index = 0
        while (shot := self._take()) is not None:
            image = np.ascontiguousarray(shot.image[..., ::-1])
            image.flags.writeable = False
            yield Frame(image, round(shot.time / CLOCK), CLOCK, index)
            index += 1

    def _take(self) -> _Shot | None:
        """The newest picture, waited for; ``None`` at the end."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._newest or self._ended, _PATIENCE)
            if not came:
                raise MediaError(f"camera {self.source} has sent nothing for {_PATIENCE:g} s")
            shot, self._newest = self._newest, None
            return shot

    def _run(self) -> None:
        count = 0
        while not self._ended:
            came, image = self._capture.read()
            count += 1
            if self._pace:
                time.sleep(max(0.0, self._begin + count * self._pace - time.monotonic()))
            with self._changed:
                if came:
                    self.dropped += self._newest is not None
                    shot = np.asarray(image, np.uint8)
                    self._newest = _Shot(shot, time.monotonic() - self._begin)
                self._ended = self._ended or not came
                self._changed.notify_all()


@contextmanager
def _silence() -> Iterator[None]:
    """OpenCV says nothing of what it tries in vain."""
    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
