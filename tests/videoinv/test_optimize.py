"""Inversion by optimisation, on a tiny generator and the real LPIPS."""

import copy

import pytest
import torch

from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.latents import Features, Latent
from videoinv.losses.lpips import load_lpips
from videoinv.optimize import OptimizeEncoder, OptimizeSettings

SETTINGS = OptimizeSettings(first_steps=30, later_steps=8, feature_layer=1, size=64)


@pytest.fixture(scope="module")
def generator():
    tiny = MobileStyleGAN(channels=(16, 16, 12, 8), head_layers=(2,))
    rng = torch.Generator().manual_seed(3)
    for parameter in tiny.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 4
        parameter.data = torch.randn(parameter.shape, generator=rng) * fan**-0.5
    for head in (tiny.to_img.weight, tiny.heads["2"].weight):
        head.data *= 0.2  # pictures of about the usual range
    return tiny.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder(generator):
    return OptimizeEncoder(generator, load_lpips(), SETTINGS)


@pytest.fixture(scope="module")
def images(generator):
    """Two images of the generator's own, not far from its mean, so that they can be reached."""
    noise = torch.randn(2, generator.styles, 512, generator=torch.Generator().manual_seed(8))
    codes = generator.mean_codes + 0.3 * noise
    return generator.synthesize(Latent(codes))


def distance(encoder, latent, images):
    with torch.no_grad():
        return (encoder.generator.synthesize(latent, 64) - images).square().mean().item()


def test_it_is_an_encoder(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.input_size == 64


def test_steps_bring_the_render_to_the_image(encoder, generator, images):
    none, some, default = (encoder.encode(images, steps=n) for n in (0, 10, None))
    start = distance(encoder, none, images)
    assert torch.equal(none.codes, generator.mean_codes.expand(2, -1, -1))
    assert distance(encoder, some, images) < 0.7 * start
    assert distance(encoder, default, images) < 0.3 * start
    assert not default.codes.requires_grad


def test_a_warm_start_of_one_serves_a_chunk_and_needs_fewer_steps(encoder, images):
    done = encoder.encode(images[:1])
    again = encoder.encode(torch.cat([images[:1]] * 3), start=done)
    assert len(again) == 3
    cold = encoder.encode(images[:1], steps=SETTINGS.later_steps)
    assert distance(encoder, again, images[:1]) < distance(encoder, cold, images[:1])


def test_frames_of_a_chunk_do_not_depend_on_each_other(encoder, images):
    together = encoder.encode(images, steps=6)
    alone = encoder.encode(images[1:], steps=6)
    made, expected = (encoder.generator.synthesize(latent) for latent in (together[1], alone))
    assert (made - expected).abs().max() < 0.05 * expected.abs().max()


def test_features_stay_zero_until_the_codes_have_settled(generator, images):
    settings = OptimizeSettings(first_steps=10, rows_only=1.0, feature_layer=1, size=64)
    latent = OptimizeEncoder(generator, load_lpips(), settings).encode(images)
    assert latent.features is not None
    assert (latent.features.mode, latent.features.layer) == ("add", 1)
    assert not latent.features.tensor.any()


def test_a_bfloat16_generator_gets_codes_that_are_not_rounded(generator, images):
    half = copy.deepcopy(generator).to(torch.bfloat16)
    latent = OptimizeEncoder(half, load_lpips().bfloat16(), SETTINGS).encode(images, steps=20)
    for tensor in (latent.codes, latent.features.tensor):
        assert tensor.dtype == torch.float32
        assert not tensor.equal(tensor.bfloat16().float())


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_it_takes_its_own_gradients(encoder, images, around):
    with around():
        images = images.clone()
        latent = encoder.encode(images, steps=10)
    assert distance(encoder, latent, images) < 0.7 * distance(
        encoder, encoder.encode(images, steps=0), images
    )
    assert not latent.codes.requires_grad and not latent.features.tensor.requires_grad


def test_images_larger_than_the_generators_are_reduced(encoder, generator, images):
    side = 2 * generator.resolution
    large = torch.nn.functional.interpolate(images, size=(side, side))
    assert len(encoder.encode(large, steps=1)) == 2


def test_progress_is_told_after_every_step(generator, images):
    told = []
    encoder = OptimizeEncoder(generator, load_lpips(), SETTINGS, lambda *pair: told.append(pair))
    encoder.encode(images[:1], steps=3)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_it_cannot_start_from_is_refused(encoder, generator, images):
    with pytest.raises(BadInputError, match="0 and more"):
        encoder.encode(images, steps=-1)
    for wrong in (images[:, :1], images[0], (images * 127).to(torch.uint8)):
        with pytest.raises(BadInputError, match="float images"):
            encoder.encode(wrong)
    of_two = encoder.encode(images, steps=0)
    with pytest.raises(BadInputError, match="3 images want"):
        encoder.encode(images[:1].expand(3, -1, -1, -1), of_two)
    codes = generator.mean_codes[None]
    for features in (None, Features(generator.features(codes, 1), 1, "replace")):
        with pytest.raises(BadInputError, match="additive"):
            encoder.encode(images, start=Latent(codes, features))
