"""Pixels that are not square: stretched for whoever looks, and brought back where they changed."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipelines.media import VideoReader
from pipelines.media.pixel_aspect import as_stored, with_square_pixels


@pytest.mark.parametrize(
    ("aspect", "shape"), [(Fraction(4, 3), (64, 128, 3)), (Fraction(1, 2), (128, 96, 3))]
)
def test_what_nobody_changed_comes_back_exactly(studio, aspect, shape):
    reader = VideoReader(studio.make("in.mp4", aspect=aspect))
    assert reader.pixel_aspect == aspect
    stored = next(iter(reader))
    square = with_square_pixels(stored, reader.pixel_aspect)
    assert square.image.shape == shape and square.pts == stored.pts
    assert np.array_equal(as_stored(square, square).image, stored.image)
    half = square.image.copy()
    half[:, : shape[1] // 2] = np.minimum(half[:, : shape[1] // 2], 235) + 20
    changed = as_stored(square, replace(square, image=half)).image.astype(int) - stored.image
    bright = stored.image[:, :47] > 220
    assert ((changed[:, :47] == 20) | bright).all() and not changed[:, 49:].any()


@pytest.mark.parametrize("aspect", [None, Fraction(1)])
def test_square_pixels_are_left_alone(studio, aspect):
    frame = next(iter(VideoReader(studio.make("in.mp4"))))
    assert with_square_pixels(frame, aspect) is frame
    edited = replace(frame, image=frame.image // 2)
    assert as_stored(frame, edited) is edited
