"""The Feature-Style Encoder over generators of different sizes, layers and kinds of features."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from videoinv.editing.delta import edit_features
from videoinv.encoders.backbones import IRSE50, ResNet34
from videoinv.encoders.feature_style import PAPER_LAYER, FeatureStyle
from videoinv.errors import BadInputError
from videoinv.generators.stylegan2 import StyleGAN2

from ...parity import published, synth

X = synth.rand_image((2, 3, 64, 64))


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    shapes = published.rosinality(published.SMALL, "")
    names = {f"decoder.{name}": shape for name, shape in shapes.items()}
    weights = synth.state_dict(names)
    return StyleGAN2.from_state_dict({name[8:]: tensor for name, tensor in weights.items()})


def fresh(generator: StyleGAN2, **how) -> FeatureStyle:
    torch.manual_seed(0)
    encoder = FeatureStyle.untrained(generator, IRSE50(width=16), input_size=64, **how)
    encoder.net.eval()
    return encoder


@pytest.mark.parametrize("layer", range(9))
def test_features_fit_every_layer(generator: StyleGAN2, layer: int) -> None:
    encoder = fresh(generator, layer=layer)
    latent = encoder.encode(X)
    assert latent.features is not None and latent.features.layer == layer
    assert latent.features.tensor.shape == (2, *generator.feature_shape(layer))
    assert latent.codes.shape == (2, generator.styles, 32)
    assert generator.synthesize(latent).shape == (2, 3, 64, 64)


def test_the_papers_layer_is_16_square(generator: StyleGAN2) -> None:
    assert generator.feature_shape(PAPER_LAYER)[1:] == (16, 16)
    assert generator.rows_through(PAPER_LAYER) == 5


@pytest.mark.parametrize("pool", [1, 2])
def test_rows_are_linear_in_the_pooled_maps(generator: StyleGAN2, pool: int) -> None:
    encoder = fresh(generator, pool=pool)
    maps = encoder.net.backbone(X)
    pooled = torch.cat([F.adaptive_avg_pool2d(m, pool).flatten(1) for m in maps], dim=1)
    heads = encoder.net.styles
    expected = torch.stack([F.linear(pooled, h.weight, h.bias) for h in heads], 1)
    assert torch.allclose(encoder.encode(X).codes, expected + generator.mean_codes, atol=1e-5)


def test_the_feature_branch_reads_the_third_block(generator: StyleGAN2) -> None:
    encoder = fresh(generator)
    conv1, norm, act, conv2 = encoder.net.features
    c2 = encoder.net.backbone(X).c2
    enlarged = F.interpolate(c2, (16, 16), mode="bilinear", align_corners=False)
    expected = conv2(act(norm(conv1(enlarged))))
    features = encoder.encode(X).features
    assert features is not None and torch.allclose(features.tensor, expected, atol=1e-5)


def test_a_residual_branch_of_zeros_leaves_the_inversion_by_codes(generator: StyleGAN2) -> None:
    encoder = fresh(generator, residual=True)
    last = encoder.net.features[3]
    torch.nn.init.zeros_(last.weight), torch.nn.init.zeros_(last.bias)
    latent = encoder.encode(X)
    plain = replace(latent, features=None)
    assert torch.allclose(generator.synthesize(latent), generator.synthesize(plain), atol=1e-5)


def test_an_edit_moves_both_kinds_of_features_alike(generator: StyleGAN2) -> None:
    """Eq. (1): F̃ = F + G(w̃) − G(w), and with ΔF = F − G(w) the generator adds it by itself."""
    replacing = fresh(generator).encode(X)
    assert replacing.features is not None
    own = generator.features(replacing.codes, PAPER_LAYER)
    delta = replace(replacing.features, tensor=replacing.features.tensor - own, mode="add")
    adding = replace(replacing, features=delta)
    edited = replacing.codes + 0.5
    images = [
        generator.synthesize(edit_features(generator, latent, edited))
        for latent in (replacing, adding)
    ]
    assert torch.allclose(*images, atol=1e-4)
    assert not torch.allclose(images[0], generator.synthesize(replacing), atol=1e-2)


def test_any_trunk_will_do(generator: StyleGAN2) -> None:
    encoder = FeatureStyle.untrained(generator, ResNet34(width=8), input_size=64)
    encoder.net.eval()
    assert encoder.encode(X).codes.shape == (2, generator.styles, 32)


def test_one_pass_has_no_second_step(generator: StyleGAN2) -> None:
    with pytest.raises(BadInputError, match="one step; got steps=3"):
        fresh(generator).encode(X, steps=3)


def test_gradients_reach_both_branches(generator: StyleGAN2) -> None:
    encoder = fresh(generator)
    latent = encoder.latent(X)
    generator.synthesize(latent).square().mean().backward()
    assert encoder.net.features[3].weight.grad.abs().max() > 0
    assert encoder.net.styles[-1].weight.grad.abs().max() > 0
