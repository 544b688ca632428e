"""A face in numbers: they say where things are, and which of two faces opens mouth or eyes."""

import copy

import pytest
import torch

from videoinv.faces.contours import COUNT, FaceContours
from videoinv.faces.mesh_parts import BROWS, EYES, FACE_OVAL, INNER_LIPS, LIPS, NOSE


@pytest.fixture(scope="module")
def contours():
    return FaceContours()


def places(described):
    """[B, vertices, 2], in the order in which the parts are told."""
    return described[:, :-2].reshape(len(described), -1, 2)


def test_parts_are_of_the_mesh_and_share_nothing():
    parts = [FACE_OVAL, LIPS, INNER_LIPS, *EYES, *BROWS, NOSE]
    vertices = [vertex for part in parts for vertex in part]
    assert len(vertices) == len(set(vertices))
    assert min(vertices) >= 0
    assert max(vertices) < 468
    assert 2 * len(vertices) + 2 == COUNT


def test_each_face_is_described_by_itself(contours, crops):
    together = contours.describe(crops)
    alone = torch.cat([contours.describe(crop[None]) for crop in crops])
    assert together.shape == (len(crops), COUNT)
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=0)
    assert contours.describe(crops[:0]).shape == (0, COUNT)


def test_lips_lie_under_eyes_and_inside_the_face(contours, crops):
    lips = slice(len(FACE_OVAL), len(FACE_OVAL) + len(LIPS))
    eyes = len(FACE_OVAL) + len(LIPS) + len(INNER_LIPS)
    for face in places(contours.describe(crops)):
        assert face[lips, 1].min() > face[eyes : eyes + len(EYES[0]), 1].max()
        assert face[lips, 0].min() > face[: len(FACE_OVAL), 0].min()
        assert face[lips, 1].max() < face[: len(FACE_OVAL), 1].max()


def test_a_mirrored_face_has_its_eyes_exchanged(contours, crops):
    straight, mirrored = contours.describe(crops), contours.describe(crops.flip(3))
    torch.testing.assert_close(mirrored[:, -2:].flip(1), straight[:, -2:], atol=0.03, rtol=0)
    oval = places(straight)[:, : len(FACE_OVAL)].mean(dim=1)
    turned = places(mirrored)[:, : len(FACE_OVAL)].mean(dim=1)
    torch.testing.assert_close(turned[:, 0], 1 - oval[:, 0], atol=0.01, rtol=0)


def test_numbers_are_parts_of_the_side(contours, crops):
    larger = torch.nn.functional.interpolate(crops, scale_factor=2, mode="bicubic")
    numbers = contours.describe(larger)
    torch.testing.assert_close(numbers, contours.describe(crops), atol=0.02, rtol=0)


def test_eyes_that_are_shut_are_told_from_open_ones(contours, crops):
    shut, open_ = contours.describe(crops[-2:])[:, -2:]
    assert shut.max() < 0.2 < open_.min()


def test_where_no_face_is_nothing_is_told(contours, crops):
    both = contours.describe(torch.stack([crops[0], torch.zeros_like(crops[0])]))
    assert both[0].isfinite().all()
    assert both[1].isnan().all()


def test_a_copy_describes_alike(contours, crops):
    torch.testing.assert_close(copy.deepcopy(contours).describe(crops), contours.describe(crops))
