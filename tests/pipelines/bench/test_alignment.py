import numpy as np
import pytest

from pipelines.bench.alignment import compare_quads, quad_differences
from videoinv.faces.align import quad_from_68
from videoinv.faces.types import Alignment


def quad(x: float, y: float, scale: float, degrees: float) -> np.ndarray:
    return Alignment.from_parameters(np.array([x, y]), scale, np.radians(degrees), 1).quad


def test_differences_are_relative_to_the_reference():
    difference = compare_quads(quad(103, 204, 110, 5), quad(100, 200, 100, 3))
    assert difference.center == pytest.approx(0.05)
    assert difference.scale == pytest.approx(0.1)
    assert difference.rotation == pytest.approx(2)


def test_rotations_are_compared_around_the_circle():
    difference = compare_quads(quad(0, 0, 1, 179), quad(0, 0, 1, -179))
    assert difference.rotation == pytest.approx(-2)


def test_images_without_a_face_are_left_out():
    class Never:
        def fit(self, image, face):
            raise AssertionError("no face was there to fit")

    grey = np.full((120, 160, 3), 128, dtype=np.uint8)
    assert quad_differences([grey, grey], Never()) == []
    assert quad_from_68(np.arange(136.0).reshape(68, 2)).shape == (4, 2)
