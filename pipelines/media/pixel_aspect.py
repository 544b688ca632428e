"""Pixels that are not square, as in HDV and DVD video: made square for whoever looks at faces.

A face 25 % too narrow is none that a detector, an alignment or a generator knows. So frames are
stretched before anybody looks at them, and what changed in them is brought back.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from pipelines.media.frame import Frame


def with_square_pixels(frame: Frame, aspect: Fraction | None) -> Frame:
    """The frame, stretched along its shorter side of a pixel; the same one if pixels are square.

    Args:
        frame: as stored.
        aspect: width over height of a pixel; ``None``: it is not known, so they count as square.
    """
    if aspect is None or aspect == 1:
        return frame
    height, width = frame.image.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    image = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    image.flags.writeable = False
    return replace(frame, image=image)


def as_stored(source: Frame, edited: Frame) -> Frame:
    """The edited frame with the pixels of the file.

    The difference is reduced, and added to the picture that the decoder gave: where there is none,
    every pixel stays as it was.

    Args:
        source: with square pixels, from :func:`with_square_pixels`.
        edited: what became of it.
    """
    assert source.decoded is not None  # it comes from a reader
    stored = source.decoded.image
    if stored.shape == source.image.shape:
        return edited
    change = cv2.subtract(edited.image, source.image, dtype=cv2.CV_16S)
    size = (stored.shape[1], stored.shape[0])
    change = cv2.resize(change, size, interpolation=cv2.INTER_AREA)
    return replace(edited, image=np.asarray(cv2.add(stored, change, dtype=cv2.CV_8U), np.uint8))
