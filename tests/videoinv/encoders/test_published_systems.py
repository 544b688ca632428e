"""Every published system at a small size, from a file in the official layout, number for number."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.psp import PSP
from videoinv.encoders.restyle import ReStyle
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.latents import Latent
from videoinv.published.load import load_model

from ...parity import official, published, reference, synth

SMALL = published.SMALL
ONE_PASS, MANY_PASSES = 1e-5, 1e-4
"""Largest difference over the largest value, as the project promises it."""


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


def state_in(path: Path) -> dict[str, Tensor]:
    return torch.load(path, weights_only=False)["state_dict"]


def decoder_of(state: dict[str, Tensor]) -> StyleGAN2:
    return StyleGAN2.from_state_dict(
        {name[8:]: tensor for name, tensor in state.items() if name.startswith("decoder.")}
    )


def pooled(generator: StyleGAN2, codes: Tensor, side: int) -> Tensor:
    return F.adaptive_avg_pool2d(generator.synthesize(Latent(codes)), side)


@pytest.mark.parametrize("system", ["psp", "e4e"])
@pytest.mark.parametrize("faces", [True, False])
def test_one_pass_systems(tmp_path: Path, system: str, faces: bool) -> None:
    path = official.psp_family(tmp_path / "m.pt", system, SMALL, faces=faces)
    model = load_model(path, device="cpu")
    x = synth.rand_image((2, 3, 64, 64))
    rows = reference.style_rows(state_in(path), x, progressive=system == "e4e")
    assert model.info.system == system
    assert_close(model.invert(x).codes, rows + official.mean_codes(SMALL), ONE_PASS)


@pytest.mark.parametrize("system", ["restyle-psp", "restyle-e4e"])
@pytest.mark.parametrize(("faces", "fpn"), [(True, False), (False, False), (True, True)])
def test_restyle(tmp_path: Path, system: str, faces: bool, fpn: bool) -> None:
    path = official.psp_family(tmp_path / "m.pt", system, SMALL, faces=faces, fpn=fpn)
    state, mean = state_in(path), official.mean_codes(SMALL)
    generator = decoder_of(state)
    encoder = load_model(path, device="cpu").encoder
    assert isinstance(encoder, ReStyle)
    x = synth.rand_image((2, 3, 64, 64))
    expected = reference.restyle(
        state,
        x,
        mean,
        lambda codes: pooled(generator, codes, 64),
        steps=3,
        progressive=system == "restyle-e4e",
    )
    steps = encoder.encode_steps(x, steps=3)
    assert_close(steps[0].codes, expected[0], ONE_PASS)
    for step, codes in zip(steps, expected, strict=True):
        assert_close(step.codes, codes, MANY_PASSES)


def test_cars_see_the_middle_rows(tmp_path: Path) -> None:
    # Four convolutions bring 12×16 down to 1×1 as they do 16×16: the tensors do not tell cars.
    state = synth.state_dict(published.restyle(replace(SMALL, input=256)))
    mean = official.mean_codes(SMALL)
    opts = Namespace(encoder_type="BackboneEncoder", dataset_type="cars_encode")
    path = official.save_torch(tmp_path / "cars.pt", state, latent_avg=mean, opts=opts)
    encoder = load_model(path, device="cpu").encoder
    assert isinstance(encoder, ReStyle)
    assert (encoder.framing.height, encoder.framing.width) == (192, 256)
    generator = decoder_of(state)

    def render(codes: Tensor) -> Tensor:
        image = generator.synthesize(Latent(codes))
        return F.adaptive_avg_pool2d(image[:, :, 8:56], (192, 256))

    photo = synth.rand_image((1, 3, 192, 256))
    expected = reference.restyle(state, photo, mean, render, steps=2)
    for step, codes in zip(encoder.encode_steps(photo, steps=2), expected, strict=True):
        assert_close(step.codes, codes, MANY_PASSES)
    canvas = F.pad(photo, (0, 0, 32, 32))
    assert torch.equal(encoder.encode(canvas, steps=2).codes, encoder.encode(photo, steps=2).codes)


def test_w_encoder(tmp_path: Path) -> None:
    state = synth.state_dict(published.w_encoder(SMALL) | published.rosinality(SMALL))
    mean = official.mean_codes(SMALL)[0]
    path = official.save_torch(tmp_path / "w.pt", state, latent_avg=mean, opts={})
    model = load_model(path, device="cpu")
    x = synth.rand_image((2, 3, 256, 256))
    assert isinstance(model.encoder, PSP)
    expected = (reference.w_row(state, "encoder.", x) + mean).expand(-1, SMALL.rows, -1)
    assert_close(model.invert(x).codes, expected, ONE_PASS)


@pytest.mark.parametrize("stages", [1, 3])
@pytest.mark.parametrize("pools", [(7, 7, 7), (7, 5, 3)])
def test_e2style(tmp_path: Path, stages: int, pools: tuple[int, int, int]) -> None:
    state = synth.state_dict(published.e2style(SMALL, stages, pools, rows=(4, 3, 3)))
    mean = official.mean_codes(SMALL)
    opts = Namespace(training_stage=stages)
    path = official.save_torch(tmp_path / "e.pt", state, latent_avg=mean, opts=opts)
    encoder = load_model(path, device="cpu").encoder
    assert isinstance(encoder, E2Style)
    assert encoder.default_steps == stages
    x, generator = synth.rand_image((2, 3, 256, 256)), decoder_of(state)
    expected = reference.e2style(
        state, x, mean, lambda codes: pooled(generator, codes, 256), stages=stages, pools=pools
    )
    for step, codes in zip(encoder.encode_steps(x), expected, strict=True):
        assert_close(step.codes, codes, MANY_PASSES)


@pytest.mark.parametrize("hidden", [8, 16])
def test_hyperinverter(tmp_path: Path, hidden: int) -> None:
    state = synth.state_dict(published.hyperinverter(SMALL, hidden, inner=8))
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    path = official.save_torch(tmp_path / "h.pt", state, opts={"hidden_dim": hidden})
    network = official.save_nvlabs(tmp_path / "g.pkl", weights)
    model = load_model(path, generator=network, device="cpu")
    assert isinstance(model.encoder, HyperInverter)
    generator = StyleGAN2.from_state_dict(weights)

    image = synth.rand_image((2, 3, 64, 64))
    x = F.interpolate(image, (256, 256), mode="bilinear", align_corners=False)
    w = reference.w_row(state, "w_encoder.", x) + weights["mapping.w_avg"]
    codes = w.expand(-1, SMALL.rows, -1)
    first = generator.synthesize(Latent(codes))
    first = F.interpolate(first, (256, 256), mode="bilinear", align_corners=False)
    rows, rows_first = (reference.row_maps(state, "w_bar_encoder.", y) for y in (x, first))
    latent = model.invert(image)
    assert_close(latent.codes, codes, ONE_PASS)
    for block, layers in reference.ROWS_1024.items():
        for layer, row in layers.items():
            key = f"{block}_{layer}_weight"
            offset = reference.weight_offset(state, key, rows_first[row], rows[row])
            name = f"synthesis.{block}.{layer}.weight"
            assert_close(latent.weight_offsets[name], offset, MANY_PASSES)
    assert len(latent.weight_offsets) == sum(map(len, reference.ROWS_1024.values()))


def test_the_offsets_change_the_image_of_their_own_sample_only(tmp_path: Path) -> None:
    state = synth.state_dict(published.hyperinverter(SMALL, 8, inner=8))
    path = official.save_torch(tmp_path / "h.pt", state, opts={})
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network = official.save_nvlabs(tmp_path / "g.pkl", weights)
    model = load_model(path, generator=network, device="cpu")
    latent = model.invert(synth.rand_image((2, 3, 64, 64)))
    both = model.generator.synthesize(latent)
    for index in range(2):
        weights_of_one = {
            name: weights[name] + latent.weight_offsets[name][index]
            for name in latent.weight_offsets
        }
        alone = StyleGAN2.from_state_dict(weights | weights_of_one)
        image = alone.synthesize(Latent(latent.codes[index : index + 1]))
        assert_close(both[index : index + 1], image, ONE_PASS)
