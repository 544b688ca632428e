"""Published layouts: what they are taken for, what they turn into, and what is said of others."""

from argparse import Namespace
from pathlib import Path, PosixPath, PureWindowsPath

import pytest
import torch

from videoinv.encoders.psp import PSP
from videoinv.errors import BadInputError, CheckpointError
from videoinv.latents import Latent
from videoinv.published.formats import read_parts
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL


def decoder() -> dict[str, torch.Tensor]:
    return synth.state_dict(published.rosinality(SMALL))


def system_of(path: Path) -> str:
    return read_parts(path)[0].system


@pytest.mark.parametrize("system", official.SYSTEMS)
@pytest.mark.parametrize("faces", [True, False])
def test_the_psp_family_is_told_apart(tmp_path: Path, system: str, faces: bool) -> None:
    assert system_of(official.psp_family(tmp_path / "m.pt", system, SMALL, faces=faces)) == system


def test_older_torch_archives_are_read_too(tmp_path: Path) -> None:
    path, state = tmp_path / "m.pt", synth.state_dict(published.restyle(SMALL))
    content = {"state_dict": state, "latent_avg": official.mean_codes(SMALL), "opts": {}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    parts, _ = read_parts(path)
    assert parts.system == "restyle-psp"
    name = "styles.3.linear.weight"
    assert torch.equal(parts.encoder[name], state["encoder." + name])


def test_options_may_be_a_namespace_with_paths(tmp_path: Path) -> None:
    opts = Namespace(
        encoder_type="ProgressiveBackboneEncoder",
        exp_dir=PosixPath("/somewhere/else"),
        data=PureWindowsPath("C:/data"),
        device="cuda:0",
    )
    state = synth.state_dict(published.restyle(SMALL))
    path = official.save_torch(tmp_path / "m.pt", state, opts=opts)
    parts, content = read_parts(path)
    assert parts.system == "restyle-e4e"
    assert str(content.section("opts")["exp_dir"]) == "/somewhere/else"


def test_an_unnamed_encoder_with_a_progressive_schedule_is_e4e(tmp_path: Path) -> None:
    state = synth.state_dict(published.restyle(SMALL, channels=3, fpn=True))
    opts = {"progressive_start": 20000}
    assert system_of(official.save_torch(tmp_path / "m.pt", state, opts=opts)) == "e4e"


def test_training_leftovers_are_ignored(tmp_path: Path) -> None:
    state = synth.state_dict(published.restyle(SMALL))
    extra = {"discriminator.0.weight": torch.zeros(3, 3)}
    path = official.save_torch(
        tmp_path / "m.pt",
        state | extra,
        latent_avg=official.mean_codes(SMALL),
        opts={},
        optimizer={"state": {0: {"step": 5, "exp_avg": torch.zeros(2)}}, "param_groups": [{}]},
        best_val_loss=torch.tensor(0.3),
        global_step=5,
    )
    assert load_model(path, device="cpu").info.system == "restyle-psp"


def test_an_encoder_that_starts_from_nothing_has_a_mean_of_zero(tmp_path: Path) -> None:
    state = synth.state_dict(published.restyle(SMALL, channels=3, fpn=True))
    mean, opts = official.mean_codes(SMALL), {"start_from_latent_avg": False}
    path = official.save_torch(tmp_path / "m.pt", state, latent_avg=mean, opts=opts)
    model = load_model(path, device="cpu")
    assert isinstance(model.encoder, PSP)
    assert not model.encoder.mean_codes.any()
    assert torch.equal(model.generator.mean_codes, mean)


@pytest.mark.parametrize("with_mean", [True, False])
def test_rosinality_generator(tmp_path: Path, with_mean: bool) -> None:
    weights = {name[8:]: tensor for name, tensor in decoder().items()}
    mean = {"latent_avg": torch.full((SMALL.dim,), 0.5)} if with_mean else {}
    torch.save({"g_ema": weights, **mean}, tmp_path / "g.pt")
    model = load_model(tmp_path / "g.pt", device="cpu")
    assert model.encoder is None
    assert (model.info.system, model.info.resolution, model.info.steps) == ("stylegan2", 64, 0)
    assert bool((model.generator.mean_codes == 0.5).all()) == with_mean
    with pytest.raises(BadInputError, match="no encoder"):
        model.invert(torch.zeros(1, 3, 64, 64))


def test_both_generator_namings_give_the_same_image(tmp_path: Path) -> None:
    """The published correspondence of the names, written out once more."""
    weights = decoder()
    nvlabs = {"mapping.w_avg": torch.zeros(SMALL.dim)}
    for layer in range(8):
        for part in ("weight", "bias"):
            nvlabs[f"mapping.fc{layer}.{part}"] = weights[f"decoder.style.{layer + 1}.{part}"]
    nvlabs["synthesis.b4.const"] = weights["decoder.input.input"][0]
    for level, side in enumerate(SMALL.sides):
        convs = [(1, "conv1", 0)]
        if level:
            convs = [(i, f"convs.{2 * level - 2 + i}", 2 * level - 1 + i) for i in range(2)]
        for index, name, noise in convs:
            source, target = f"decoder.{name}.", f"synthesis.b{side}.conv{index}."
            nvlabs[target + "weight"] = weights[source + "conv.weight"][0]
            nvlabs[target + "bias"] = weights[source + "activate.bias"]
            nvlabs[target + "noise_strength"] = weights[source + "noise.weight"][0]
            nvlabs[target + "noise_const"] = weights[f"decoder.noises.noise_{noise}"][0, 0]
            for part in ("weight", "bias"):
                nvlabs[f"{target}affine.{part}"] = weights[f"{source}conv.modulation.{part}"]
        rgb = f"decoder.to_rgbs.{level - 1}." if level else "decoder.to_rgb1."
        nvlabs[f"synthesis.b{side}.torgb.weight"] = weights[f"{rgb}conv.weight"][0]
        nvlabs[f"synthesis.b{side}.torgb.bias"] = weights[f"{rgb}bias"].flatten()
        for part in ("weight", "bias"):
            source = weights[f"{rgb}conv.modulation.{part}"]
            nvlabs[f"synthesis.b{side}.torgb.affine.{part}"] = source
    official.save_nvlabs(tmp_path / "n.pkl", nvlabs)
    torch.save({"g_ema": {n[8:]: t for n, t in weights.items()}}, tmp_path / "r.pt")
    codes = Latent(official.mean_codes(SMALL)[None])
    images = [
        load_model(tmp_path / name, device="cpu").generator.synthesize(codes)
        for name in ("n.pkl", "r.pt")
    ]
    assert torch.equal(*images)


def test_hyperinverter_asks_for_a_generator(tmp_path: Path) -> None:
    state = synth.state_dict(published.hyperinverter(SMALL, 8, inner=8))
    path = official.save_torch(tmp_path / "h.pt", state, opts={})
    with pytest.raises(CheckpointError, match="generator=PATH_OR_NAME"):
        load_model(path, device="cpu")


def test_encoder_and_generator_of_different_sizes_are_refused(tmp_path: Path) -> None:
    path = official.psp_family(tmp_path / "m.pt", "psp", SMALL)
    smaller = published.Sizes(16, 32, resolution=32, channels=16)
    weights = synth.state_dict(published.nvlabs(smaller, ""))
    network = official.save_nvlabs(tmp_path / "g.pkl", weights)
    with pytest.raises(CheckpointError, match=r"predicts 10 rows, .* takes 8"):
        load_model(path, generator=network, device="cpu")


def test_an_encoder_file_joins_a_generator_file(tmp_path: Path) -> None:
    whole = official.psp_family(tmp_path / "m.pt", "e4e", SMALL)
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network = official.save_nvlabs(tmp_path / "g.pkl", weights)
    model = load_model(network, encoder=whole, device="cpu")
    assert model.info.system == "e4e"
    assert torch.equal(model.generator.mean_codes[0], weights["mapping.w_avg"])
    with pytest.raises(CheckpointError, match="holds no encoder"):
        load_model(whole, encoder=network, device="cpu")


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    state = synth.state_dict(published.restyle(SMALL))
    del state["encoder.body.5.res_layer.1.weight"]
    path = official.save_torch(tmp_path / "m.pt", state, opts={})
    with pytest.raises(CheckpointError, match=r"missing .*'backbone.body.5.res_layer.1.weight'"):
        load_model(path, device="cpu")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ({"state_dict": {"conv.weight": torch.zeros(3, 5)}}, r"1 tensors.*conv.weight' \[3, 5\]"),
        ({"model": {"a": torch.zeros(2)}, "epoch": 3}, "keys model, epoch; 1 tensors"),
        ({}, "0 tensors"),
    ],
)
def test_an_unknown_network_is_described(tmp_path: Path, content: dict, seen: str) -> None:
    torch.save(content, tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=f"no known system: .*{seen}.*known are"):
        load_model(tmp_path / "m.pt", device="cpu")


def test_info_says_what_was_loaded(tmp_path: Path) -> None:
    path = official.psp_family(tmp_path / "m.pt", "restyle-e4e", SMALL)
    info = load_model(str(path), device="cpu").info
    assert (info.resolution, info.styles, info.steps) == (64, 10, 5)
    assert info.source == str(path)
    assert len(info.digest) == 64
    assert "NVIDIA" in info.terms


@pytest.mark.parametrize("bad", [{"device": "tpu9"}, {"dtype": "int8"}])
def test_unknown_devices_and_dtypes_are_refused(tmp_path: Path, bad: dict) -> None:
    with pytest.raises(BadInputError, match=r"allowed are|is none of"):
        load_model(tmp_path / "m.pt", **bad)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near_float32(tmp_path: Path, dtype: str) -> None:
    path = official.psp_family(tmp_path / "m.pt", "restyle-psp", SMALL)
    x = synth.rand_image((1, 3, 64, 64))
    exact = load_model(path, device="cpu").invert(x, steps=2).codes
    rough = load_model(path, device="cpu", dtype=dtype).invert(x, steps=2).codes
    assert rough.dtype == torch.float32
    limit = 0.05 if dtype == "bfloat16" else 0.01
    assert (rough - exact).abs().max() <= limit * exact.abs().max()
