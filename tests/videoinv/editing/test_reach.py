"""A direction is kept to the rows that make its change."""

import numpy as np
import pytest
import torch

from videoinv.editing.reach import kept_to_first_rows
from videoinv.generators.mobilestylegan import MobileStyleGAN

from ..narrow import with_random_weights


@pytest.fixture(scope="module")
def generator():
    """A narrow generator of 128 pixels, all weights random."""
    torch.manual_seed(0)
    return with_random_weights(MobileStyleGAN(channels=(16,) * 5, head_layers=()), 2.0)


@pytest.fixture
def codes(generator):
    return torch.randn(3, generator.styles, 512, generator=torch.Generator().manual_seed(1))


def asked_of(monkeypatch, generator, weights):
    """Scores that see the codes of some rows, each as much as its weight says."""
    seen = []
    monkeypatch.setattr(
        type(generator), "synthesize", lambda _, latent, side: latent.codes * 1.0, raising=True
    )

    def score(images):
        seen.append(len(images))
        first = images.double().mean(dim=2)  # codes, which the fake hands on as images
        return (first[:, : len(weights)] * torch.tensor(weights).double()).sum(dim=1).numpy()

    return score


@pytest.mark.parametrize(
    ("weights", "rows", "side"),
    [
        ([1.0], 1, 4),
        ([1.0, 1.0], 4, 8),
        ([1.0, 0.0, 0.0, 0.0, 0.05], 1, 4),  # what the later row does is too little to count
        ([0.5, 0.0, 0.0, 0.0, 0.5], 7, 16),
    ],
)
def test_as_few_layers_as_make_the_change(monkeypatch, generator, weights, rows, side):
    codes = torch.zeros(2, generator.styles, 512)
    delta = torch.full((512,), 0.1)
    kept, reached = kept_to_first_rows(
        generator, delta, asked_of(monkeypatch, generator, weights), codes
    )
    assert kept.shape == (generator.styles, 512)
    torch.testing.assert_close(kept[:rows], delta.expand(rows, -1))
    assert not kept[rows:].any()
    assert reached == side


def test_a_direction_that_does_not_raise_its_attribute_is_left_as_it_is(monkeypatch, generator):
    delta = torch.full((512,), 0.1)
    score = asked_of(monkeypatch, generator, [-1.0])
    kept, side = kept_to_first_rows(generator, delta, score, torch.zeros(2, generator.styles, 512))
    assert torch.allclose(kept, delta.expand(generator.styles, -1))
    assert side == generator.resolution


def test_a_face_that_cannot_be_scored_says_nothing(generator, codes):
    def brightness(images):
        return images.mean(dim=(1, 2, 3)).double().numpy()

    def unsure(images):
        values = brightness(images)
        values[0] = np.nan
        return values

    delta = torch.randn(512, generator=torch.Generator().manual_seed(0))
    kept, side = kept_to_first_rows(generator, delta, unsure, codes)
    alone, wanted = kept_to_first_rows(generator, delta, brightness, codes[1:])
    assert torch.equal(kept, alone)
    assert side == wanted < generator.resolution
