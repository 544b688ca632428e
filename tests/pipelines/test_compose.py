"""Compositing: masks locked to the crop, and a paste that touches nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.compose import FACE_OVAL, MaskSettings, Patch, face_mask, make_patch, paste
from pipelines.steps import Inverted, Placed, Rendered
from videoinv.faces.align import crop
from videoinv.faces.types import Alignment, Face, transform_points
from videoinv.latents import Latent

SIZE = 64


def round_mesh(alignment):
    """A mesh whose outline is a circle of a quarter of the crop's side, in its middle."""
    mesh = np.zeros((468, 3))
    angles = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * alignment.size / 4
    middle = (alignment.size - 1) / 2
    mesh[list(FACE_OVAL), :2] = transform_points(alignment.to_frame, circle + middle)
    return mesh


alignments = st.builds(
    lambda x, y, scale, turn: Alignment.from_parameters(np.array([x, y]), scale, turn, SIZE),
    st.floats(40, 120), st.floats(30, 90), st.floats(30, 90), st.floats(-0.6, 0.6),
)  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(alignments)
def test_the_mask_follows_the_alignment_and_nothing_else(alignment):
    mask = face_mask(round_mesh(alignment), alignment, MaskSettings())
    still = Alignment.from_parameters(np.array([80.0, 60.0]), 64, 0.0, SIZE)
    assert np.abs(mask - face_mask(round_mesh(still), still, MaskSettings())).max() < 0.02


def test_the_mask_is_whole_inside_soft_at_its_border_and_nothing_outside():
    alignment = Alignment.from_parameters(np.array([80.0, 60.0]), 128, 0.0, 128)
    mask = face_mask(round_mesh(alignment), alignment, MaskSettings(grow=0.1, feather=0.1))
    row = mask[64]
    assert row[64] == 1 and row[64 + 30] == 1  # the circle's radius is 32
    assert 0.05 < row[64 + 38] < 0.95
    assert row[64 + 46] == 0 and mask[0, 0] == 0
    assert np.abs(np.diff(row)).max() < 0.2


@settings(deadline=None, max_examples=30)
@given(alignments, st.integers(0, 2**32 - 1))
def test_pixels_outside_the_quads_box_stay(alignment, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    colour = rng.uniform(-200, 200, (SIZE, SIZE, 3)).astype(np.float32)
    alpha = rng.uniform(0, 1, (SIZE, SIZE)).astype(np.float32)
    result = paste(image, alignment, Patch(colour, alpha))
    low = np.maximum(np.floor(alignment.quad.min(axis=0)).astype(int), 0)
    high = np.ceil(alignment.quad.max(axis=0)).astype(int) + 1
    outside = np.ones(image.shape[:2], bool)
    outside[low[1] : high[1], low[0] : high[0]] = False
    assert np.array_equal(result[outside], image[outside])
    assert result.dtype == np.uint8


def test_a_face_wholly_outside_the_frame_changes_nothing():
    image = np.zeros((50, 50, 3), np.uint8)
    away = Alignment.from_parameters(np.array([500.0, 500.0]), 60, 0.0, SIZE)
    patch = Patch(np.full((SIZE, SIZE, 3), 99, np.float32), np.ones((SIZE, SIZE), np.float32))
    assert np.array_equal(paste(image, away, patch), image)


def rendered(inversion, edited):
    alignment = Alignment.from_parameters(np.array([79.5, 59.5]), SIZE, 0.0, SIZE)
    face = Face(np.array([48, 28, 112, 92.0]), np.zeros((5, 2)), 1.0, round_mesh(alignment))
    crop = np.zeros((SIZE, SIZE, 3), np.uint8)
    inverted = Inverted(Placed(face, alignment), crop, Latent(torch.zeros(1, 1, 512)))
    level = lambda value: torch.full((3, SIZE, SIZE), value / 127.5 - 1)  # noqa: E731
    return Rendered(inverted, level(inversion), level(edited))


def patch_of(person, image, blend):
    source = crop(image, person.inverted.placed.alignment)
    return make_patch(person, source, blend, MaskSettings())


def test_a_large_change_takes_the_edited_picture_in_the_light_around_it():
    """The frame is 20 levels darker than the inversion; a bright square opens in the middle."""
    image = np.full((120, 160, 3), 80, np.uint8)
    person = rendered(inversion=100, edited=100)
    person.edited[:, 28:36, 28:36] = 1.0
    result = paste(image, person.inverted.placed.alignment, patch_of(person, image, "residual"))
    assert result[60, 80].tolist() == pytest.approx([235] * 3, abs=6)  # 255 less the 20
    assert result[60, 64].tolist() == [80] * 3


def test_a_residual_adds_the_change_to_the_sources_own_texture():
    image = np.random.default_rng(0).integers(60, 120, (120, 160, 3), np.uint8)
    person = rendered(inversion=90, edited=94)
    result = paste(image, person.inverted.placed.alignment, patch_of(person, image, "residual"))
    assert np.abs(result[60, 80].astype(int) - image[60, 80] - 4).max() <= 1
    assert np.array_equal(result[:20], image[:20])


def test_replacing_puts_the_edited_face_there():
    image = np.random.default_rng(0).integers(60, 120, (120, 160, 3), np.uint8)
    person = rendered(inversion=90, edited=200)
    result = paste(image, person.inverted.placed.alignment, patch_of(person, image, "replace"))
    assert result[60, 80].tolist() == pytest.approx([200] * 3, abs=1)


def test_an_edit_that_changes_nothing_leaves_the_frame_as_it_was():
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    person = rendered(inversion=90, edited=90)
    result = paste(image, person.inverted.placed.alignment, patch_of(person, image, "residual"))
    assert np.array_equal(result, image)
