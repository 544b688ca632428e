"""Masks are smooth, stand where the face stands, and move with it by parts of a pixel."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.compositing.growth import Growth, connected
from pipelines.compositing.masks import MASK_SIZE, MaskSettings, face_mask, region_mask
from pipelines.compositing.regions import parse_region
from pipelines.compositing.views import Views
from videoinv.errors import BadInputError
from videoinv.faces.align import MOUTH_MESH, crop, quad_from_mesh
from videoinv.faces.mesh_parts import FACE_OVAL
from videoinv.faces.person import PersonSegmenter
from videoinv.faces.types import Alignment, transform_points

STILL = Alignment.from_parameters(np.array([80.0, 60.0]), 64, 0.0, MASK_SIZE)


def round_mesh(alignment, middle=0.5, radius=0.25):
    """A mesh whose outline is a circle in the crop, measured in parts of its side."""
    mesh = np.zeros((468, 3))
    angles = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    circle = middle + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    points = circle * alignment.size - 0.5
    mesh[list(FACE_OVAL), :2] = transform_points(alignment.to_frame, points)
    return mesh


alignments = st.builds(
    lambda x, y, scale, turn: Alignment.from_parameters(np.array([x, y]), scale, turn, MASK_SIZE),
    st.floats(40, 120), st.floats(30, 90), st.floats(30, 900), st.floats(-3, 3),
)  # fmt: skip


@settings(deadline=None, max_examples=20)
@given(alignments)
def test_the_mask_follows_the_alignment_and_nothing_else(alignment):
    mask = face_mask(round_mesh(alignment), alignment, MaskSettings())
    still = face_mask(round_mesh(STILL), STILL, MaskSettings())
    assert np.abs(mask - still).max() < 0.01


@settings(deadline=None, max_examples=20)
@given(st.floats(-2, 2), st.floats(-2, 2))
def test_a_face_that_moves_in_the_crop_takes_its_mask_along(x, y):
    """By parts of a pixel, too: a mask that snapped to the grid would tremble."""
    still = face_mask(round_mesh(STILL), STILL, MaskSettings())
    middle = 0.5 + np.array([x, y]) / MASK_SIZE
    moved = face_mask(round_mesh(STILL, middle), STILL, MaskSettings())
    shift = np.array([[1, 0, x], [0, 1, y]])
    expected = cv2.warpAffine(still, shift, still.shape, flags=cv2.INTER_CUBIC)
    assert np.abs(moved - expected).max() < 0.02


def test_the_mask_is_whole_inside_soft_at_its_border_and_nothing_outside():
    row = face_mask(round_mesh(STILL), STILL, MaskSettings(grow=0.1, feather=0.1))[128]
    assert row[128] == 1 and row[128 + 60] == 1  # the circle's radius is 64
    assert 0.05 < row[128 + 76] < 0.95
    assert row[128 + 92] == 0
    assert np.abs(np.diff(row)).max() < 0.1


def test_growth_follows_a_change_that_leaves_the_face():
    """A bar of change from the face upwards is taken along; a blot beside it is not."""
    face = face_mask(round_mesh(STILL), STILL, MaskSettings())
    change = np.zeros((MASK_SIZE, MASK_SIZE, 3), np.float32)
    change[30:128, 118:138] = 60
    change[100:150, 5:20] = 60
    mask = connected(face, change)
    assert mask[46, 128] > 0.8 and face[46, 128] == 0
    assert mask[:, :40].max() < 0.01
    assert (mask >= face).all()


def test_growth_fades_at_the_crops_border():
    face = face_mask(round_mesh(STILL), STILL, MaskSettings())
    mask = connected(face, np.full((MASK_SIZE, MASK_SIZE, 3), 60, np.float32))
    assert mask[128, 40] > 0.9
    assert mask[[0, -1]].max() < 0.05 and mask[:, [0, -1]].max() < 0.05
    assert np.abs(np.diff(mask[128])).max() < 0.06


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 60), st.floats(0.1, 2))
def test_growth_has_no_sudden_steps_as_a_change_gets_stronger(level, more):
    face = face_mask(round_mesh(STILL), STILL, MaskSettings())
    change = np.zeros((MASK_SIZE, MASK_SIZE, 3), np.float32)
    change[20:128, 118:138] = 1
    before, after = connected(face, level * change), connected(face, (level + more) * change)
    assert np.abs(after - before).max() < 0.2 * more


@pytest.fixture(scope="module")
def man(man_image, mesh_of):
    mesh = mesh_of(man_image)
    return mesh, Alignment(quad_from_mesh(mesh), MASK_SIZE)


def test_a_region_is_where_that_part_of_the_face_is(man):
    mesh, alignment = man
    mouth = region_mask(mesh, alignment, ("mouth",))
    eyes = region_mask(mesh, alignment, ("eyes",))
    at = transform_points(alignment.to_crop, mesh[:, :2]).round().astype(int)
    corners, pupil, chin = at[list(MOUTH_MESH)], (at[159] + at[145]) // 2, at[152]
    assert (mouth[corners[:, 1], corners[:, 0]] > 0.95).all()
    assert eyes[pupil[1], pupil[0]] > 0.95 and mouth[pupil[1], pupil[0]] == 0
    assert eyes[corners[:, 1], corners[:, 0]].max() == 0 and mouth[chin[1], chin[0]] < 0.2
    both = region_mask(mesh, alignment, ("mouth", "eyes"))
    assert np.abs(both - np.maximum(mouth, eyes)).max() < 0.02


def test_regions_are_read_from_a_command_line():
    assert parse_region("mouth") == ("mouth",)
    assert parse_region("eyes, mouth,eyes") == ("eyes", "mouth")


@pytest.mark.parametrize("text", ["", "ears", "mouth,", "mouth eyes"])
def test_an_unknown_region_is_told_with_those_that_there_are(text):
    with pytest.raises(BadInputError, match="mouth, eyes, brows, nose, lower-face"):
        parse_region(text)


def test_growth_stays_within_the_person(man_image, man):
    """The whole crop becomes brighter: his hair and neck follow, the wall beside him does not."""
    mesh, alignment = man
    source = crop(man_image, alignment)
    brighter = np.clip(source.astype(int) + 40, 0, 255).astype(np.uint8)
    views = Views(mesh, alignment, source, source, brighter)
    face = face_mask(mesh, alignment, MaskSettings())
    mask = Growth(PersonSegmenter()).grown(face, views)
    hair, neck, wall = mask[35, 128], mask[225, 128], mask[90:160, 8:20]
    assert hair > 0.6 and neck > 0.3 and wall.max() < 0.05
    assert (mask >= face).all()
