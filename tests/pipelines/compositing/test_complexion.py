"""The skin keeps its tone under an edit; lines stay the edit's, and nothing else is touched."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

import videoinv
from pipelines.compositing.complexion import with_skin_tone
from pipelines.compositing.light import to_codes, to_linear
from pipelines.compositing.masks import MaskSettings, blur, face_mask, region_mask
from pipelines.compositing.views import Views
from videoinv.faces.align import crop, quad_from_mesh, to_images, to_tensor
from videoinv.faces.types import Alignment

SIZE = 256


@pytest.fixture(scope="module")
def views(man_image, mesh_of):
    mesh = mesh_of(man_image)
    alignment = Alignment(quad_from_mesh(mesh), SIZE)
    face = crop(man_image, alignment)
    return Views(mesh, alignment, face, face, face)


@pytest.fixture(scope="module")
def skin(views):
    """Well inside the face, off all that moves."""
    inside = face_mask(views.mesh, views.alignment, MaskSettings(grow=-0.06, feather=0.01))
    moving = region_mask(views.mesh, views.alignment, ("mouth", "eyes", "brows"))
    return (inside == 1) & (moving == 0)


def tone(image, skin):
    """Mean L*, a*, b* of the skin."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(float) * [100 / 255, 1, 1]
    return lab[skin].mean(axis=0)


def lines(image):
    """What is left of an image without its tones."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - blur(grey, 0.02)


@pytest.mark.parametrize("lamp", [[0.7, 0.7, 0.7], [1.3, 1.2, 1.1], [0.9, 0.7, 0.6]])
def test_a_face_in_another_light_comes_back_into_its_own(views, skin, lamp):
    dimmed = to_codes(to_linear(views.inversion) * np.array(lamp, np.float32))
    result = with_skin_tone(replace(views, edited=dimmed)).edited
    before, after = (tone(each, skin) - tone(views.inversion, skin) for each in (dimmed, result))
    assert np.linalg.norm(before) > 6
    assert np.linalg.norm(after) < 1


def test_off_the_face_and_without_a_change_every_pixel_stays(views):
    assert np.array_equal(with_skin_tone(views).edited, views.edited)
    dimmed = to_codes(to_linear(views.inversion) * np.float32(0.6))
    result = with_skin_tone(replace(views, edited=dimmed)).edited
    away = face_mask(views.mesh, views.alignment, MaskSettings(grow=0.05, feather=0.01)) == 0
    assert away.mean() > 0.4
    assert np.array_equal(result[away], dimmed[away])


def test_an_open_mouth_leaves_the_cheeks(views, skin):
    mouth = region_mask(views.mesh, views.alignment, ("mouth",))[:, :, None] > 0.9
    opened = np.where(mouth, np.uint8(20), views.inversion)
    result = with_skin_tone(replace(views, edited=opened)).edited
    assert np.abs(tone(result, skin) - tone(opened, skin)).max() < 0.3


def test_an_older_face_keeps_its_tone_and_gets_its_lines(views, skin):
    model = videoinv.load("default", device="cpu", dtype="float32")
    with torch.no_grad():
        latent = model.invert(to_tensor([views.source]))
        older = model.edit(latent, {"age": 2})
        pair = [model.generator.synthesize(each, SIZE).clamp(-1, 1) for each in (latent, older)]
    inversion, edited = (to_images(each)[0] for each in pair)
    aged = replace(views, inversion=inversion, edited=edited)
    result = with_skin_tone(aged).edited
    before, after = (
        np.linalg.norm(tone(each, skin) - tone(inversion, skin)) for each in (edited, result)
    )
    assert before > 3
    assert after < before / 3
    drawn, left = (lines(each)[skin] - lines(inversion)[skin] for each in (edited, result))
    assert np.corrcoef(drawn, left)[0, 1] > 0.9
