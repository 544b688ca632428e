"""A picture to judge an edit by: source, inversion and edited at a few times."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.media.frame import Frame
from pipelines.pictures import write_picture
from pipelines.steps import Rendered, Step
from videoinv.faces.align import crop, to_images

CELL = 256
HEADER = 24
PEOPLE = 2
"""Rows for one frame at most: the sheet is for judging, the report counts everybody."""
COLUMNS = ("source", "inversion", "edited", "result in the frame")


class Sheet:
    """Collects rows of crops, one for each person, at evenly spaced frames, into one image.

    Where nobody is in such a frame, the next one with people takes its place.

    Args:
        frames: how many frames are expected, to spread the rows over them; ``None``: nobody
            knows, and each row is four times as late as the one before.
        rows: how many frames to show.
    """

    def __init__(self, frames: int | None, rows: int = 6) -> None:
        if frames is None:
            self._wanted = [0, *(4**i for i in range(1, rows))]
        else:
            self._wanted = [round(i * (frames - 1) / max(rows - 1, 1)) for i in range(rows)]
        self._rows: list[NDArray[np.uint8]] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show: so far, no frame had anybody to edit."""
        return not self._rows

    def add(self, step: Step[Rendered], result: Frame) -> None:
        """Take rows if this frame is one of the chosen; ``result`` is the finished frame."""
        index = step.frame.index
        if not step.people or not self._wanted or index < self._wanted[0]:
            return
        self._wanted = [wanted for wanted in self._wanted if wanted > index]
        people = sorted(step.people.values(), key=lambda p: p.inverted.placed.person)
        for person in people[:PEOPLE]:
            label = f"{float(step.frame.time):.2f} s"
            if len(people) > 1:
                label += f", person {person.inverted.placed.person + 1}"
            cells = np.hstack(_cells(person, step.frame, result))
            self._rows.append(np.vstack([_label(label), cells]))

    def save(self, path: Path) -> None:
        """Write the rows, of which there is one at least, as ``write_picture`` does.

        Raises:
            OutputError: if they cannot be written.
        """
        write_picture(path, np.vstack([_titles(), *self._rows]))


def _cells(person: Rendered, source: Frame, result: Frame) -> list[NDArray[np.uint8]]:
    alignment = person.inverted.placed.alignment.resized(CELL)
    inversion, edited = to_images(torch.stack([person.inversion, person.edited]))
    return [
        crop(source.image, alignment),
        _resize(inversion),
        _resize(edited),
        crop(result.image, alignment),
    ]


def _resize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrinks = image.shape[0] > CELL
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (CELL, CELL), interpolation=how))


def _titles() -> NDArray[np.uint8]:
    return np.hstack([_label(title, CELL) for title in COLUMNS])


def _label(text: str, width: int = CELL * len(COLUMNS)) -> NDArray[np.uint8]:
    strip = np.full((HEADER, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
