"""The latent of several images, as a sequence of latents."""

import pytest
import torch

from videoinv.latents import Features, Latent


@pytest.fixture
def latent():
    codes = torch.arange(3.0)[:, None, None].expand(3, 4, 512)
    return Latent(codes, Features(torch.arange(3.0)[:, None, None, None], 1, "add"))


def test_it_is_a_sequence_of_latents_of_one_image(latent):
    parts = list(latent)
    assert [(len(part), part.codes[0, 0, 0].item()) for part in parts] == [(1, 0), (1, 1), (1, 2)]
    assert latent[-1].features.tensor.item() == 2
    assert len(latent[1:]) == 2


@pytest.mark.parametrize("index", [3, -4])
def test_an_image_that_is_not_there_is_no_empty_latent(latent, index):
    with pytest.raises(IndexError, match=f"image {index} of a latent of 3"):
        latent[index]
