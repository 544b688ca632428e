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
from videoinv.errors import OutputError
from videoinv.faces.align import crop, to_images

CELL = 256
HEADER = 24
PEOPLE = 2
"""Rows for one frame at most: the sheet is for judging, the report counts everybody."""
COLUMNS = ("source", "inversion", "edited", "result in the frame")


class Sheet:
    """Collects rows of crops, one for each person, at evenly spaced frames, into one image.

    Args:
        frames: how many frames are expected, to spread the rows over them.
        rows: how many frames to show.
    """

    def __init__(self, frames: int, rows: int = 6) -> None:
        self._wanted = {round(i * (frames - 1) / max(rows - 1, 1)) for i in range(rows)}
        self._rows: list[NDArray[np.uint8]] = []

    def add(self, step: Step[Rendered], result: Frame) -> None:
        """Take rows if this frame is one of the chosen; ``result`` is the finished frame."""
        if step.frame.index not in self._wanted:
            return
        people = sorted(step.people.values(), key=lambda p: p.inverted.placed.person)
        for person in people[:PEOPLE]:
            label = f"{float(step.frame.time):.2f} s"
            if len(people) > 1:
                label += f", person {person.inverted.placed.person + 1}"
            cells = np.hstack(_cells(person, step.frame, result))
            self._rows.append(np.vstack([_label(label), cells]))

    def save(self, path: Path) -> None:
        """Write the rows as a PNG.

        Raises:
            OutputError: if there is nothing to show, or it cannot be written.
        """
        if not self._rows:
            raise OutputError(f"{path} was not written: no frame with a face was edited")
        picture = np.vstack([_titles(), *self._rows])
        write_picture(path, picture)


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
