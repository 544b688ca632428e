"""What is in front of a real face stays as it is, whatever the edit does."""

import numpy as np
import pytest
import torch

from pipelines.compose import Compositor, MaskSettings
from pipelines.compositing.masks import MASK_SIZE
from pipelines.compositing.occlusion import hands_mask, unexplained
from pipelines.compositing.views import Views
from pipelines.steps import Inverted, Placed, Rendered
from videoinv.faces.align import crop, quad_from_mesh, to_tensor
from videoinv.faces.hands import Hand, HandNetworks
from videoinv.faces.types import Alignment, Face, transform_points
from videoinv.latents import Latent

# Places in the frame with the hand (x, y), read off the picture.
ON_THE_HAND = [(355, 210), (385, 195), (405, 215), (395, 250), (380, 280), (415, 320), (455, 272)]
ON_THE_FACE = [(440, 100), (430, 60), (500, 180), (470, 215), (500, 250), (440, 255)]
BRIGHTER = 20


@pytest.fixture(scope="module")
def hands():
    return HandNetworks()


def edited(image, mesh, seen=None):
    """A face that is inverted as ``seen``, without error if None, and edited to be brighter."""
    placed = Placed(
        Face(np.zeros(4), np.zeros((5, 2)), 1.0, mesh), Alignment(quad_from_mesh(mesh), 512)
    )
    source = crop(image, placed.alignment)
    inversion = to_tensor([source if seen is None else crop(seen, placed.alignment)])[0]
    inverted = Inverted(placed, source, Latent(torch.zeros(1, 1, 512)))
    return Rendered(inverted, inversion, inversion + BRIGHTER / 127.5)


def brighter(result, image, places):
    return [int(result[y, x, 0]) - int(image[y, x, 0]) for x, y in places]


@pytest.mark.parametrize("blend", ["residual", "replace"])
def test_a_hand_on_the_face_stays_while_the_face_changes(hand_clip, mesh_of, hands, blend):
    compositor = Compositor(blend, MaskSettings(), hands, skin_tone="edit")
    for image in hand_clip:
        result = compositor.compose(image, {0: edited(image, mesh_of(image))})
    hand_image = hand_clip[-1]
    assert brighter(result, hand_image, ON_THE_HAND) == [0] * len(ON_THE_HAND)
    assert brighter(result, hand_image, ON_THE_FACE) == pytest.approx([BRIGHTER] * 6, abs=3)


def test_without_occlusions_the_hand_changes_too(hand_clip, mesh_of):
    hand_image = hand_clip[-1]
    person = edited(hand_image, mesh_of(hand_image))
    plain = Compositor("residual", MaskSettings(occlusions=False), skin_tone="edit")
    assert min(brighter(plain.compose(hand_image, {0: person}), hand_image, ON_THE_HAND[:4])) > 10


def board(image, mesh):
    """The image with a green board held before a cheek, and the board's place."""
    x, y = mesh[205, :2].round().astype(int)
    box = slice(y - 20, y + 30), slice(x - 15, x + 15)
    held = image.copy()
    held[box] = (40, 120, 60)
    return held, box


def test_an_object_that_the_inversion_does_not_show_is_found(man_image, mesh_of):
    mesh = mesh_of(man_image)
    held, (rows, columns) = board(man_image, mesh)
    person = edited(held, mesh, seen=man_image)
    small = Views.of(person, person.inverted.crop).small
    mask = unexplained(small)
    corners = np.array(
        [[x, y] for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)]
    )
    at = transform_points(small.alignment.to_crop, corners.astype(float))
    inside = np.zeros(mask.shape, bool)
    (left, top), (right, bottom) = at.min(axis=0).astype(int), at.max(axis=0).astype(int)
    inside[top:bottom, left:right] = True
    far = np.ones(mask.shape, bool)
    far[top - 20 : bottom + 20, left - 20 : right + 20] = False
    assert mask[inside].mean() > 0.7 and mask[(top + bottom) // 2, (left + right) // 2] == 1
    assert mask[far].max() == 0


def test_a_mouth_that_the_inversion_gets_wrong_is_no_object(man_image, mesh_of):
    mesh = mesh_of(man_image)
    seen = man_image.copy()
    x, y = mesh[[13, 14], :2].mean(axis=0).round().astype(int)
    seen[y - 4 : y + 12, x - 18 : x + 18] = (235, 230, 225)  # teeth, where lips are shut
    person = edited(man_image, mesh, seen=seen)
    small = Views.of(person, person.inverted.crop).small
    difference = np.abs(small.source.astype(int) - small.inversion).max()
    assert difference > 100 and unexplained(small).max() == 0


def test_a_face_that_is_well_inverted_hides_nothing(man_image, mesh_of):
    noisy = np.random.default_rng(0).normal(man_image, 12).clip(0, 255).astype(np.uint8)
    person = edited(noisy, mesh_of(man_image), seen=man_image)
    assert unexplained(Views.of(person, person.inverted.crop).small).max() == 0


def test_an_object_that_goes_is_forgotten_over_a_few_frames(man_image, mesh_of, hands):
    mesh = mesh_of(man_image)
    held, (rows, columns) = board(man_image, mesh)
    middle = [((columns.start + columns.stop) // 2, (rows.start + rows.stop) // 2)]
    compositor = Compositor("residual", MaskSettings(), hands, skin_tone="edit")
    covered = compositor.compose(held, {0: edited(held, mesh, seen=man_image)})
    assert brighter(covered, held, middle) == [0]
    free = edited(man_image, mesh)
    after = [compositor.compose(man_image, {0: free}) for _ in range(8)]
    steps = [brighter(result, man_image, middle)[0] for result in after]
    assert 0 < steps[0] < 0.6 * BRIGHTER and steps == sorted(steps)
    assert steps[-1] >= BRIGHTER - 2


def test_nothing_is_carried_into_another_run(man_image, mesh_of, hands):
    mesh = mesh_of(man_image)
    held, _ = board(man_image, mesh)
    free = edited(man_image, mesh)
    compositor = Compositor("residual", MaskSettings(), hands, skin_tone="edit")
    compositor.compose(held, {0: edited(held, mesh, seen=man_image)})
    fresh = Compositor("residual", MaskSettings(), hands, skin_tone="edit").compose(
        man_image, {1: free}
    )
    assert np.array_equal(compositor.compose(man_image, {1: free}), fresh)


def test_two_people_are_edited_in_one_frame(man_image, mesh_of, hands):
    pair = np.hstack([man_image, man_image[:, ::-1]])
    meshes = [mesh_of(man_image), mesh_of(np.ascontiguousarray(man_image[:, ::-1]))]
    meshes[1] = meshes[1] + np.array([man_image.shape[1], 0, 0])
    people = {run: edited(pair, mesh) for run, mesh in enumerate(meshes)}
    result = Compositor("residual", MaskSettings(), hands, skin_tone="edit").compose(pair, people)
    noses = [tuple(mesh[4, :2].round().astype(int)) for mesh in meshes]
    assert brighter(result, pair, noses) == pytest.approx([BRIGHTER] * 2, abs=2)


def test_a_hand_is_drawn_as_thick_as_its_fingers():
    """A flat hand: 21 points on straight fingers; the gaps between spread fingers stay free."""
    points = np.zeros((21, 2))
    for finger, x in enumerate((-40, -20, 0, 20, 40)):
        for joint in range(4):
            points[1 + 4 * finger + joint] = (x * (1 + 0.4 * joint), -50 - 20 * joint)
    alignment = Alignment.from_parameters(np.array([0.0, -60.0]), 256, 0.0, MASK_SIZE)
    mask = hands_mask([Hand(points, 1.0)], alignment)
    at = transform_points(alignment.to_crop, points).round().astype(int)
    assert (mask[at[:, 1], at[:, 0]] == 1).all()
    between = ((at[8] + at[12]) / 2).astype(int)
    assert mask[between[1], between[0]] == 0
    assert hands_mask([], alignment).max() == 0
