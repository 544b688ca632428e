"""The window in which a live picture is shown, and its keys."""

from __future__ import annotations

import os
import sys
from typing import Literal

import cv2
import numpy as np

from videoinv.errors import BadInputError
from videoinv.faces.types import Image

TITLE = "videoinv"
MARK = "edited by videoinv"
KEYS = "keys: + and - the strength, space the edit off and on, q the end"
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_NO_WINDOW = "no window can be opened here"
Wish = Literal["stronger", "weaker", "switch", "end"]
_WISHES: dict[int, Wish] = {
    ord("+"): "stronger",
    ord("="): "stronger",
    ord("-"): "weaker",
    ord(" "): "switch",
    ord("q"): "end",
    27: "end",
}


class Window:
    """Shows pictures and tells which key was pressed; a context manager.

    It opens as large as the first picture, and may be made larger or smaller.

    Raises:
        BadInputError: on entry, if no window can be opened here.
    """

    def __init__(self) -> None:
        self._is_new = True

    def __enter__(self) -> Window:
        # Without a screen Qt ends the whole process.
        if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            raise BadInputError(f"{_NO_WINDOW}: there is no screen; --no-window does without")
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise BadInputError(
                f"{_NO_WINDOW}: this OpenCV has none; pip install opencv-python in place of "
                "opencv-python-headless, or do without by --no-window"
            ) from error
        return self

    def show(self, image: Image) -> Wish | None:
        """Show a picture [H, W, 3] RGB, and say what the viewer wishes since the last one."""
        if self._is_new:
            height, width = image.shape[:2]
            cv2.resizeWindow(TITLE, width, height)
            self._is_new = False
        cv2.imshow(TITLE, np.ascontiguousarray(image[..., ::-1]))
        wish = _WISHES.get(cv2.waitKey(1) & 0xFF)
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "end"  # closed with the mouse
        return wish

    def __exit__(self, *_error: object) -> None:
        cv2.destroyWindow(TITLE)


def marked(image: Image) -> Image:
    """A copy of the picture [H, W, 3] that says in its corner that it was edited."""
    result = image.copy()
    scale = max(0.4, len(image) / 1000)
    left, bottom = round(20 * scale), len(image) - round(20 * scale)
    thickness = max(1, round(scale))
    # The outline is the text itself moved about: a thicker text is also a longer one.
    around = [(x * thickness, y * thickness) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    for color, moves in ((BLACK, around), (WHITE, [(0, 0)])):
        for x, y in moves:
            place = (left + x, bottom + y)
            cv2.putText(
                result, MARK, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness, cv2.LINE_AA
            )
    return result
