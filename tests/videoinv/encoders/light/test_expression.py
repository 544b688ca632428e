"""What a face does, in numbers of one size, heard by a codes head."""

from dataclasses import replace

import pytest
import torch

import videoinv
from videoinv.encoders.light import expression as module
from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.expression import Expression
from videoinv.encoders.light.files import load_light, save_light
from videoinv.encoders.light.network import LightSize
from videoinv.encoders.light.restyle import LightReStyle
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.latents import Latent
from videoinv.training.start import start_from

from ...narrow import with_random_weights

COMPONENTS = 6
SIZE = LightSize(head=HeadSize((8, 8, 8, 8), 16, 24, expression=COMPONENTS))


@pytest.fixture(scope="module")
def generator():
    return videoinv.load("default", encoder="optimize").generator


@pytest.fixture(scope="module")
def codes(generator):
    """Of the faces that the numbers are fitted to."""
    z = torch.randn(32, 512, generator=torch.Generator().manual_seed(0))
    return generator.map(z)


@pytest.fixture(scope="module")
def faces(generator, codes):
    with torch.no_grad():
        return torch.cat([generator.synthesize(Latent(w), 256) for w in codes.split(8)])


@pytest.fixture(scope="module")
def fitted(generator, faces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FACES", len(faces))
        expression = Expression(COMPONENTS)
        expression.fit(generator)
    return expression


def test_its_numbers_are_white_over_the_generators_faces(fitted, faces):
    told = fitted(faces.clamp(-1, 1))
    torch.testing.assert_close(told.mean(dim=0), torch.zeros(COMPONENTS), atol=0.02, rtol=0)
    covariance = told.T @ told / len(told)
    torch.testing.assert_close(covariance, torch.eye(COMPONENTS), atol=0.05, rtol=0)


def test_an_opening_mouth_is_told(fitted, generator, codes):
    """And told alike of different faces, for else nothing could be learnt from it."""
    direction = videoinv.load("default", encoder="optimize").directions["mouth_open"]
    moved = codes[:4] + 3 * direction.rows(generator.styles)
    with torch.no_grad():
        before, after = (generator.synthesize(Latent(w), 256) for w in (codes[:4], moved))
    change = fitted(after.clamp(-1, 1)) - fitted(before.clamp(-1, 1))
    assert change.norm(dim=1).min() > 0.5
    alike = torch.nn.functional.cosine_similarity(change, change.mean(dim=0, keepdim=True))
    assert alike.min() > 0.4


def test_of_no_face_nothing_is_told(fitted):
    assert not fitted(torch.zeros(2, 3, 256, 256)).any()


def test_a_generator_without_faces_teaches_nothing():
    torch.manual_seed(0)
    narrow = with_random_weights(MobileStyleGAN(channels=(16,) * 8, head_layers=(5,)), 0.5)
    expression = Expression(COMPONENTS)
    expression.fit(narrow)
    assert not expression.basis.any()


def test_a_head_hears_it_once_it_has_learnt_to_and_keeps_it(
    fitted, generator, faces, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        Expression, "fit", lambda self, _: self.load_state_dict(fitted.state_dict())
    )
    torch.manual_seed(2)
    encoder = LightReStyle.build(generator, SIZE)
    encoder.start_training()
    images = faces[:2].clamp(-1, 1)
    before = encoder.encode(images, steps=1).codes
    for layer in encoder.net.codes.expression:
        assert not layer.weight.any()  # so that an encoder which was not told may go on
        torch.nn.init.normal_(layer.weight, std=0.5)
    heard = encoder.encode(images, steps=1).codes
    assert (heard - before).abs().max() > 0.01
    path = tmp_path / "encoder.safetensors"
    save_light(encoder, SIZE, path)
    again = load_light(path, generator).encode(images, steps=1).codes
    torch.testing.assert_close(again, heard, atol=0.05, rtol=0.02)
    half = load_light(path, generator, torch.bfloat16).net
    assert half.backbone.conv_stem.weight.dtype == torch.bfloat16
    assert torch.equal(half.expression.mean, fitted.mean)
    assert torch.equal(half.expression.basis, fitted.basis)
    # One that begins with it hears the same numbers; networks beside the weights are not kept.
    other = LightReStyle.build(generator, replace(SIZE, levels=4))
    start_from(other.net, encoder.net)
    assert torch.equal(other.net.expression.basis, fitted.basis)
    assert not any("contours" in name for name in encoder.net.state_dict())
