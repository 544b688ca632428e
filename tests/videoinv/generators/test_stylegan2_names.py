"""The two published namings of StyleGAN2, and sizes read from tensors."""

import re

import pytest
import torch

from videoinv.errors import CheckpointError
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.generators.stylegan2_names import StyleGAN2Config, convert_names, read_config
from videoinv.latents import Latent

# NVlabs' parts and rosinality's, with rosinality's shape made from NVlabs' tensor.
CONV = {
    "weight": ("conv.weight", lambda t: t[None]),
    "affine.weight": ("conv.modulation.weight", lambda t: t),
    "affine.bias": ("conv.modulation.bias", lambda t: t),
    "noise_strength": ("noise.weight", lambda t: t.reshape(1)),
    "bias": ("activate.bias", lambda t: t),
}
RGB = {
    "weight": ("conv.weight", lambda t: t[None]),
    "affine.weight": ("conv.modulation.weight", lambda t: t),
    "affine.bias": ("conv.modulation.bias", lambda t: t),
    "bias": ("bias", lambda t: t.reshape(1, 3, 1, 1)),
}


def random_generator(channels=(12, 10, 8, 6), latent=16, layers=8):
    torch.manual_seed(0)
    generator = StyleGAN2(StyleGAN2Config(channels, layers, latent)).requires_grad_(False)
    for name, tensor in (*generator.named_parameters(), *generator.named_buffers()):
        learning_rate = 0.01 if name.startswith("mapping.fc") else 1
        tensor.normal_(1 if name.endswith("affine.bias") else 0, 1 / learning_rate)
    return generator


def as_rosinality(tensors):
    """The published mapping between the two forms, the other way round, and the FIR taps."""
    out = {
        "input.input": tensors["synthesis.b4.const"][None],
        "latent_avg": tensors["mapping.w_avg"],
        "convs.0.conv.blur.kernel": torch.ones(4, 4),
        "to_rgbs.0.upsample.kernel": torch.ones(4, 4),
    }
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"mapping\.fc(\d+)\.(.+)", name):
            out[f"style.{int(match[1]) + 1}.{match[2]}"] = tensor
        if match := re.fullmatch(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)", name):
            j, kind = int(match[1]).bit_length() - 4, match[2]
            if kind == "torgb":
                base = f"to_rgbs.{j}" if j >= 0 else "to_rgb1"
            else:
                base = f"convs.{2 * j + int(kind[-1])}" if j >= 0 else "conv1"
            if match[3] == "noise_const":
                index = 2 * j + 1 + int(kind[-1]) if j >= 0 else 0
                out[f"noises.noise_{index}"] = tensor[None, None]
            else:
                part, shaped = (RGB if kind == "torgb" else CONV)[match[3]]
                out[f"{base}.{part}"] = shaped(tensor)
    return out


def image_of(generator):
    codes = torch.randn(2, generator.styles, 16, generator=torch.Generator().manual_seed(1))
    return generator.synthesize(Latent(codes))


def test_both_namings_give_the_same_image():
    original = random_generator()
    tensors = dict(original.state_dict())
    rosinality = as_rosinality(tensors)
    assert not set(rosinality) & set(tensors)
    tensors["synthesis.b8.conv0.resample_filter"] = torch.ones(4, 4)
    expected = image_of(original)
    for published in (tensors, rosinality):
        loaded = StyleGAN2.from_state_dict(published)
        assert (image_of(loaded) - expected).abs().max() <= 1e-5 * expected.abs().max()
        assert loaded.mean_codes.equal(original.mean_codes)
        assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize("channels", [(6, 4), (12, 10, 8, 6), (8, 8, 8, 8, 8, 4)])
@pytest.mark.parametrize("layers", [2, 8])
def test_sizes_are_read_from_the_tensors(channels, layers):
    config = StyleGAN2Config(channels, layers, 16)
    tensors = StyleGAN2(config).state_dict()
    assert read_config(tensors) == config
    assert read_config(convert_names(as_rosinality(tensors))) == config
    assert config.resolution == 4 * 2 ** (len(channels) - 1)


def test_a_mean_code_for_every_row_is_kept():
    tensors = random_generator().state_dict()
    rows = torch.randn(8, 16)
    loaded = StyleGAN2.from_state_dict(as_rosinality(tensors) | {"latent_avg": rows})
    assert loaded.mean_codes.equal(rows)


def test_a_missing_mean_code_is_estimated_without_touching_the_global_seed():
    generator = random_generator()
    tensors = {n: t for n, t in generator.state_dict().items() if n != "mapping.w_avg"}
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    first = StyleGAN2.from_state_dict(tensors).mean_codes
    torch.manual_seed(2)
    assert StyleGAN2.from_state_dict(tensors).mean_codes.equal(first)
    torch.random.set_rng_state(state)
    noise = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(5))
    sampled = generator.mapping(noise)
    spread = sampled.std(0) * (1 / 10_000 + 1 / 20_000) ** 0.5
    assert ((first[0] - sampled.mean(0)).abs() < 6 * spread).all()


def damaged(*, drop=None, add=None):
    tensors = dict(random_generator().state_dict()) | (add or {})
    return {name: tensor for name, tensor in tensors.items() if name != drop}


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        (damaged(drop="synthesis.b16.torgb.bias"), r"synthesis\.b16\.torgb\.bias"),
        (damaged(add={"mapping.embed.weight": torch.zeros(1)}), r"mapping\.embed\.weight"),
        (damaged(add={"convs.9.conv.what": torch.zeros(1)}), r"convs\.9\.conv\.what"),
        (damaged(add={"synthesis.b8.conv0.weight": torch.zeros(2, 2, 3, 3)}), "b8.conv0.weight"),
        (damaged(drop="mapping.fc0.weight"), "no StyleGAN2"),
        ({"features.0.weight": torch.zeros(1)}, r"features\.0\.weight"),
        ({}, "no StyleGAN2"),
    ],
)
def test_wrong_tensors_are_named(tensors, named):
    with pytest.raises(CheckpointError, match=named):
        StyleGAN2.from_state_dict(tensors)
