"""The colour of skin in aligned crops."""

import numpy as np
import pytest
import torch

from videoinv.faces.skin import PLACES, skin_colour


@pytest.mark.parametrize("side", [64, 256, 1024])
def test_a_plain_picture_has_its_own_colour(side):
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, side, side)
    grey = torch.zeros(1, 3, side, side)
    colours = skin_colour(torch.cat([red, grey]))
    np.testing.assert_allclose(colours[0], [53.2, 80.1, 67.2], atol=0.1)  # sRGB's red
    np.testing.assert_allclose(colours[1][1:], 0, atol=0.1)


def test_what_is_beside_the_skin_does_not_count():
    crops = torch.zeros(1, 3, 256, 256)
    before = skin_colour(crops)
    kept = torch.zeros(256, 256, dtype=torch.bool)
    for rows, columns in PLACES:
        kept[rows, columns] = True
    crops[:, :, ~kept] = 1.0
    np.testing.assert_array_equal(skin_colour(crops), before)
    assert skin_colour(crops[:0]).shape == (0, 3)
