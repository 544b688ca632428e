"""Faces in a frame: YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError
from videoinv.faces.types import Face, Image, Points


class FaceDetector:
    """Finds faces with a box and five points each.

    YuNet was made for faces of about 10 to 300 pixels, so a large frame is reduced first. When
    nothing is found, the other sizes are tried in turn: a larger one for small faces in large
    frames, a smaller one for a face that fills the frame. Not safe to share between threads.

    Args:
        model: path of the YuNet ONNX file; fetched by the catalog when None.
        score_threshold: faces below this confidence (0 to 1) are dropped.
        nms_threshold: boxes that overlap more than this (intersection over union) are merged.
        sides: lengths in pixels to which the frame's long side is reduced, in the order tried.
    """

    def __init__(
        self,
        model: Path | None = None,
        *,
        score_threshold: float = 0.6,
        nms_threshold: float = 0.3,
        sides: Sequence[int] = (640, 1280, 320),
    ) -> None:
        if not sides or min(sides) < 32:
            raise BadInputError(f"detection sides must be at least 32 pixels, not {tuple(sides)}")
        path = str(model or fetch("yunet"))
        with _quiet():
            self._network = cv2.FaceDetectorYN.create(
                path, "", (sides[0], sides[0]), score_threshold, nms_threshold
            )
        self._sides = tuple(sides)

    def detect(self, image: Image) -> list[Face]:
        """The faces of an RGB image uint8 [H, W, 3], the largest first.

        Raises:
            BadInputError: if the image has another shape or type.
        """
        check_image(image)
        for ratio in _reductions(max(image.shape[:2]), self._sides):
            faces = self._detect_reduced(image, ratio)
            if faces:
                return sorted(faces, key=_area, reverse=True)
        return []

    def _detect_reduced(self, image: Image, ratio: float) -> list[Face]:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if ratio < 1:
            bgr = cv2.resize(bgr, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
        self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, rows = self._network.detect(bgr)
        factors = np.array([image.shape[1] / bgr.shape[1], image.shape[0] / bgr.shape[0]])
        return [] if rows is None else [_face(row.astype(np.float64), factors) for row in rows]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OpenCV's warning that its new engine has only one target, the CPU."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def check_image(image: Image) -> None:
    """Refuse what is not an RGB image uint8 [H, W, 3].

    Raises:
        BadInputError: if the image has another shape or type.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise BadInputError(
            f"an image must be uint8 [H, W, 3] in RGB, not {image.dtype} {list(image.shape)}"
        )


def _reductions(long_side: int, sides: Sequence[int]) -> list[float]:
    """The factors to try in order, each once; no frame is enlarged."""
    return list(dict.fromkeys(min(1.0, side / long_side) for side in sides))


def _face(row: Points, factors: Points) -> Face:
    """A YuNet row (x, y, w, h, five points, score) in frame pixels.

    Scaling by ``factors`` is about the image's corner, which lies at (−½, −½).
    """
    corners = np.stack([row[:2], row[:2] + row[2:4]])
    points = np.concatenate([corners, row[4:14].reshape(5, 2)])
    points = (points + 0.5) * factors - 0.5
    return Face(box=points[:2].reshape(4), landmarks=points[2:], score=float(row[14]))


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return float((right - left) * (bottom - top))
