"""Clip adaptation: a few steps on a clip's own faces make it better on them."""

from dataclasses import replace

import pytest
import torch

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.network import LightSize
from videoinv.encoders.light.restyle import LightReStyle
from videoinv.errors import BadInputError
from videoinv.faces.align import to_images, to_tensor
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.latents import Latent
from videoinv.training.adapt import adapt, adaptation_recipe

SMALL = LightSize(64, HeadSize((8, 8, 8, 8), 16, 24), levels=2, feature_width=8)


@pytest.fixture(scope="module")
def generator():
    return load_mobilestylegan().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder(generator):
    torch.manual_seed(0)
    made = LightFeatureStyle.build(generator, LightSize())
    made.start_training()
    made.net.eval().requires_grad_(False)
    return made


def test_a_few_steps_bring_the_inversion_nearer(generator, encoder):
    noise = torch.randn(1, 512, generator=torch.Generator().manual_seed(4))
    face = to_images(generator.synthesize(Latent(generator.map(noise, 0.7)), 256))
    before = {name: t.clone() for name, t in encoder.net.state_dict().items()}
    adapted = adapt(encoder, face, 4)

    def error(kind):
        shown = generator.synthesize(kind.encode(to_tensor(face)), 256)
        return (shown - to_tensor(face)).square().mean().item()

    assert error(adapted) < 0.95 * error(encoder)
    assert all(torch.equal(t, before[n]) for n, t in encoder.net.state_dict().items())
    assert not any(p.requires_grad for p in adapted.net.parameters())


def test_the_same_clip_gives_the_same_weights_whatever_was_drawn_before(generator_1024):
    """ReStyle draws how many steps come before the ones that it learns."""
    torch.manual_seed(0)
    encoder = LightReStyle.build(generator_1024, SMALL)
    encoder.start_training()
    face = to_images(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1)
    first = adapt(encoder, face, 2).net.state_dict()
    torch.manual_seed(1)
    again = adapt(encoder, face, 2).net.state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in first.items())


@pytest.mark.parametrize(("looks", "first"), [(1, 9), (2, 5), (4, 5)])
def test_later_looks_share_half_of_the_steps(generator_1024, looks, first):
    encoder = LightFeatureStyle.build(generator_1024, replace(SMALL, looks=looks))
    assert adaptation_recipe(encoder, 9).first_look_steps == first


@pytest.mark.parametrize(("faces", "steps"), [(0, 5), (1, 0)])
def test_nothing_to_learn_from_is_refused(encoder, faces, steps):
    crops = to_images(torch.zeros(faces, 3, 256, 256)) if faces else []
    with pytest.raises(BadInputError, match="at least one step and one face"):
        adapt(encoder, crops, steps)
