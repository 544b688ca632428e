import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videoinv.errors import BadInputError
from videoinv.faces.align import crop, quad_from_68, quad_from_mesh, to_images, to_tensor
from videoinv.faces.types import Alignment, transform_points

alignments = st.builds(
    lambda x, y, scale, rotation, size: Alignment.from_parameters(
        np.array([x, y]), scale, rotation, size
    ),
    x=st.floats(-500, 3000),
    y=st.floats(-500, 3000),
    scale=st.floats(8, 3000),
    rotation=st.floats(-3.1, 3.1),
    size=st.integers(1, 1024),
)
seeds = st.integers(0, 2**32 - 1)


def random_points(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-100, 100, shape)


def similarity(alignment: Alignment) -> np.ndarray:
    return alignment.resized(100).to_frame


@given(alignments, seeds)
def test_crop_and_frame_matrices_undo_each_other(alignment, seed):
    points = random_points(seed, (5, 2))
    there = transform_points(alignment.to_crop, points)
    assert np.allclose(transform_points(alignment.to_frame, there), points, atol=1e-6)


@given(alignments)
def test_the_quad_is_the_outer_edge_of_the_crop(alignment):
    low, high = -0.5, alignment.size - 0.5
    corners = [[low, low], [low, high], [high, high], [high, low]]
    assert np.allclose(transform_points(alignment.to_crop, alignment.quad), corners, atol=1e-6)


@given(alignments, st.integers(1, 2000))
def test_parameters_rebuild_the_alignment_at_any_size(alignment, size):
    again = Alignment.from_parameters(
        alignment.center, alignment.scale, alignment.rotation, alignment.size
    )
    assert np.allclose(again.quad, alignment.quad, atol=1e-6)
    assert np.array_equal(alignment.resized(size).quad, alignment.quad)


@pytest.mark.parametrize(
    "quad",
    [
        [[0, 0], [0, 1], [1, 1]],
        [[0, 0], [0, 2], [1, 2], [1, 0]],
        [[0, 0], [1, 0], [1, 1], [0, 1]],
        [[0, 0], [0, np.nan], [1, 1], [1, 0]],
        [[3, 3]] * 4,
    ],
    ids=["three corners", "no square", "wrong order", "not a number", "a point"],
)
def test_what_is_no_quad_is_refused(quad):
    with pytest.raises(BadInputError, match="quad"):
        Alignment(np.array(quad, dtype=float), 64)


def test_the_published_quad_of_a_face_worked_by_hand():
    # Eyes 60 apart at height 100, mouth 80 below: 2·60 < 1.8·80, so half the side is 144.
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = [70, 100], [130, 100]
    points[48], points[54] = [80, 180], [120, 180]
    center, half = np.array([100, 100 + 0.1 * 80]), 1.8 * 80
    signs = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    assert np.allclose(quad_from_68(points), center + half * signs)


@pytest.mark.parametrize(("quad", "shape"), [(quad_from_68, (68, 2)), (quad_from_mesh, (468, 3))])
@given(alignments, seeds)
def test_the_quad_moves_with_the_face(quad, shape, alignment, seed):
    points, matrix = random_points(seed, shape), similarity(alignment)
    moved = points.copy()
    moved[:, :2] = transform_points(matrix, points[:, :2])
    expected = transform_points(matrix, quad(points))
    assert np.allclose(quad(moved), expected, rtol=1e-5, atol=1e-4)


def test_a_crop_of_whole_pixels_is_a_slice(noise):
    alignment = Alignment.from_parameters(np.array([99.5, 63.5]), 64, 0.0, 64)
    assert np.array_equal(crop(noise, alignment), noise[32:96, 68:132])


def test_reducing_averages_every_pixel(noise):
    alignment = Alignment.from_parameters(np.array([127.5, 127.5]), 256, 0.0, 64)
    means = noise.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop(noise, alignment) - means).max() <= 0.51


@given(alignments)
def test_a_plain_image_stays_plain_even_beyond_its_border(alignment):
    plain = np.full((40, 60, 3), (200, 100, 50), dtype=np.uint8)
    small = alignment.resized(16)
    if small.scale < 400:
        assert np.abs(crop(plain, small).astype(int) - [200, 100, 50]).max() <= 1


def test_borders(noise):
    outside = Alignment.from_parameters(np.array([-100.0, 100.0]), 32, 0.0, 32)
    assert crop(noise, outside, "black").max() == 0
    assert np.ptp(crop(noise, outside, "replicate"), axis=1).max() == 0
    assert np.ptp(crop(noise, outside, "reflect"), axis=1).min() > 50
    with pytest.raises(BadInputError, match="reflect, replicate, black"):
        crop(noise, outside, "mirror")


def test_images_survive_the_tensor(noise):
    tensor = to_tensor([noise, noise[::-1].copy()])
    assert tensor.shape == (2, 3, 256, 256)
    assert tensor.min() == -1
    assert tensor.max() == 1
    assert np.array_equal(to_images(tensor)[1], noise[::-1])
    assert to_images(torch.full((1, 3, 2, 2), 1.7))[0].min() == 255
