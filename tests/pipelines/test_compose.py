"""What an edit puts into a frame: changes added or taken, in the source's light, and no more."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.compose import MaskSettings, Patch, make_patch, paste
from pipelines.compositing.light import to_codes, to_linear
from pipelines.steps import Inverted, Placed, Rendered
from videoinv.faces.align import crop
from videoinv.faces.mesh_parts import FACE_OVAL
from videoinv.faces.types import Alignment, Face, transform_points
from videoinv.latents import Latent

SIZE = 64
PLAIN = MaskSettings(occlusions=False, follow_change=False)


def round_mesh(alignment):
    """A mesh whose outline is a circle of a quarter of the crop's side, in its middle."""
    mesh = np.zeros((468, 3))
    angles = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * alignment.size / 4
    middle = (alignment.size - 1) / 2
    mesh[:, :2] = transform_points(alignment.to_frame, np.array([middle, middle]))
    mesh[list(FACE_OVAL), :2] = transform_points(alignment.to_frame, circle + middle)
    return mesh


alignments = st.builds(
    lambda x, y, scale, turn: Alignment.from_parameters(np.array([x, y]), scale, turn, SIZE),
    st.floats(40, 120), st.floats(30, 90), st.floats(30, 90), st.floats(-0.6, 0.6),
)  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(alignments, st.integers(0, 2**32 - 1))
def test_pixels_outside_the_masks_box_stay(alignment, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    edited, inversion = rng.integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    added, taken = np.zeros((2, 16, 16), np.uint8)
    added[4:10, 3:8] = rng.integers(1, 256, (6, 5))
    taken[6:12, 4:8] = rng.integers(1, 256, (6, 4))
    gain = rng.uniform(0.5, 2, (8, 8, 3)).astype(np.float32)
    result = paste(image, alignment, Patch(edited, inversion, added, taken, gain))
    corners = np.array([[x, y] for x in (2, 8) for y in (3, 12)])
    touched = transform_points(alignment.resized(16).to_frame, corners)
    low = np.maximum(np.floor(touched.min(axis=0)).astype(int), 0)
    high = np.ceil(touched.max(axis=0)).astype(int) + 1
    outside = np.ones(image.shape[:2], bool)
    outside[low[1] : high[1], low[0] : high[0]] = False
    assert np.array_equal(result[outside], image[outside])
    assert result.dtype == np.uint8


def test_a_face_wholly_outside_the_frame_changes_nothing():
    image = np.zeros((50, 50, 3), np.uint8)
    away = Alignment.from_parameters(np.array([500.0, 500.0]), 60, 0.0, SIZE)
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    whole = np.full((SIZE, SIZE), 255, np.uint8)
    patch = Patch(white, white, whole, whole, np.ones((8, 8, 3), np.float32))
    assert np.array_equal(paste(image, away, patch), image)


@settings(deadline=None, max_examples=20)
@given(st.floats(-0.4, 0.4), st.floats(-0.5, 0.5))
def test_a_picture_much_larger_than_its_place_is_averaged(turn, shift):
    """Stripes a pixel wide become a plain grey, wherever the face moves."""
    stripes = np.zeros((8 * SIZE, 8 * SIZE, 3), np.uint8)
    stripes[::2] = 200
    nothing, whole = np.zeros_like(stripes), np.full(stripes.shape[:2], 255, np.uint8)
    where = Alignment.from_parameters(np.array([60.0 + shift, 60.0]), SIZE, turn, SIZE)
    patch = Patch(stripes, nothing, whole, nothing[..., 0], np.ones((8, 8, 3), np.float32))
    result = paste(np.zeros((120, 120, 3), np.uint8), where, patch)
    assert (np.abs(result[50:70, 50:70].astype(int) - 100) <= 2).all()


def rendered(inversion, edited):
    alignment = Alignment.from_parameters(np.array([79.5, 59.5]), SIZE, 0.0, SIZE)
    face = Face(np.array([48, 28, 112, 92.0]), np.zeros((5, 2)), 1.0, round_mesh(alignment))
    inverted = Inverted(Placed(face, alignment), plain(0), Latent(torch.zeros(1, 1, 512)))
    level = lambda value: torch.full((3, SIZE, SIZE), value / 127.5 - 1)  # noqa: E731
    return Rendered(inverted, level(inversion), level(edited))


def plain(value):
    return np.full((SIZE, SIZE, 3), value, np.uint8)


def composed(person, image, blend, masks=PLAIN):
    """Pasted as it is edited: these faces are one grey, which a skin would keep."""
    alignment = person.inverted.placed.alignment
    patch = make_patch(person, crop(image, alignment), blend, masks, skin_tone="edit")
    return paste(image, alignment, patch)


def test_a_large_change_takes_the_edited_picture_in_the_light_around_it():
    """The frame has half the inversion's light; a grey square opens in the middle."""
    half = int(to_codes(to_linear(plain(100)) / 2)[0, 0, 0])
    image = np.full((120, 160, 3), half, np.uint8)
    person = rendered(inversion=100, edited=100)
    person.edited[:, 26:38, 26:38] = 200 / 127.5 - 1
    result = composed(person, image, "residual")
    expected = int(to_codes(to_linear(plain(200)) / 2)[0, 0, 0])
    assert result[60, 80].tolist() == pytest.approx([expected] * 3, abs=2)
    assert result[60, 60].tolist() == [half] * 3


def test_a_residual_adds_the_change_to_the_sources_own_texture():
    image = np.random.default_rng(0).integers(60, 120, (120, 160, 3), np.uint8)
    result = composed(rendered(inversion=90, edited=94), image, "residual")
    assert np.abs(result[60, 80].astype(int) - image[60, 80] - 4).max() <= 1
    assert np.array_equal(result[:20], image[:20])


def test_replacing_puts_the_edited_face_there_in_the_sources_light():
    """The source is the inversion under a reddish, darker lamp; so is the result."""
    lamp = np.array([1.1, 0.7, 0.5], np.float32)
    image = np.tile(to_codes(to_linear(plain(120)) * lamp)[:1, :1], (120, 160, 1))
    result = composed(rendered(inversion=120, edited=150), image, "replace")
    expected = to_codes(to_linear(plain(150)) * lamp)[0, 0]
    assert result[60, 80].tolist() == pytest.approx(expected.tolist(), abs=2)
    assert np.array_equal(result[:20], image[:20])


@pytest.mark.parametrize("blend", ["residual", "replace"])
def test_an_edit_that_changes_nothing_leaves_a_well_inverted_frame_as_it_was(blend):
    image = np.full((120, 160, 3), 90, np.uint8)
    result = composed(rendered(inversion=90, edited=90), image, blend)
    assert np.abs(result.astype(int) - image).max() <= 1


def test_a_residual_without_change_leaves_any_frame_as_it_was():
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    result = composed(rendered(inversion=90, edited=90), image, "residual")
    assert np.array_equal(result, image)


def test_linear_light_and_back_is_exact():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_codes(to_linear(levels)), levels)
    assert to_linear(levels)[7, 15] == pytest.approx(0.2122, abs=1e-3)  # 127: sRGB's middle grey
