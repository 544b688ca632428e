"""Pictures of an evaluation: the worst frames, and a slice through time in which flicker shows."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.evaluation.networks import SIDE
from pipelines.evaluation.picture import Picture
from stabilization.filters import unwrap_angle
from videoinv.faces.types import Alignment, Image, Points

WORST = 4
LONGEST_SLICE = 900
"""Frames in a slice: more would not fit a screen, and memory is not to grow with the clip."""
SLICE_ROW = 0.68
"""Height in the crop at which the slice is taken: through the upper lip of an FFHQ face."""
FOLLOWING = 0.15
"""Share by which the slice's grid follows the face's own: slowly, so that it cannot tremble."""


@dataclass(frozen=True)
class Exhibit:
    """A picture with its caption."""

    title: str
    caption: str
    data: str
    """A data URI, so that reports need no files beside them."""

    @classmethod
    def of(cls, title: str, caption: str, image: Image) -> Exhibit:
        """From an RGB image uint8 [H, W, 3]."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
        return cls(
            title, caption, f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
        )


class WorstFrames:
    """Keeps the frames of greatest LPIPS, the source beside its results."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._kept: list[tuple[float, int, float, list[Image]]] = []

    def add(self, badness: float, index: int, time: float, crops: Sequence[Image]) -> None:
        """Take a frame, shown at a time in seconds, if it is among the worst.

        Args:
            badness: the greater the worse.
            index: of the frame.
            time: of the frame.
            crops: one for each name.
        """
        heapq.heappush(self._kept, (badness, index, time, list(crops)))
        if len(self._kept) > WORST:
            heapq.heappop(self._kept)

    def exhibits(self) -> list[Exhibit]:
        """One to a frame, the worst first."""
        return [
            Exhibit.of(
                f"frame {index}",
                f"{time:.2f} s, LPIPS {badness:.3f}: {', '.join(self._names)}",
                np.hstack(crops),
            )
            for badness, index, time, crops in sorted(self._kept, key=lambda kept: -kept[0])
        ]


class Slices:
    """One row of pixels through the face, frame under frame: x to the right, time downwards."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._rows: list[Image] = []
        self._slow: Points | None = None
        self._shot = -1

    def add(self, shot: int, grid: Alignment, pictures: Sequence[Picture]) -> None:
        """Take the next frame.

        Args:
            shot: of the frame.
            grid: the crop of its face, in the source.
            pictures: one for each name.
        """
        if len(self._rows) >= LONGEST_SLICE:
            return
        slow = self._follow(shot, grid)
        row = int(SLICE_ROW * SIDE)
        self._rows.append(np.hstack([picture.on(slow)[row : row + 1] for picture in pictures]))

    def exhibits(self) -> list[Exhibit]:
        """The slice, if there are two frames to it."""
        if len(self._rows) < 2:
            return []
        caption = (
            f"{', '.join(self._names)}: one row of pixels through the face in each of "
            f"{len(self._rows)} frames, time downwards; what flickers shows as stripes across, "
            "what trembles as jagged edges"
        )
        slices = np.vstack(self._rows)
        high = np.repeat(slices, max(1, SIDE // len(self._rows)), axis=0)
        return [Exhibit.of("slice through time", caption, high)]

    def _follow(self, shot: int, grid: Alignment) -> Alignment:
        old, begins = self._slow, shot != self._shot
        rotation = grid.rotation if old is None else unwrap_angle(grid.rotation, float(old[3]))
        now = np.array([*grid.center, np.log(grid.scale), rotation])
        slow = now if old is None or begins else old + FOLLOWING * (now - old)
        self._slow, self._shot = slow, shot
        return Alignment.from_parameters(slow[:2], float(np.exp(slow[2])), float(slow[3]), SIDE)
