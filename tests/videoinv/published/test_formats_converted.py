"""One safetensors file per model: the same tensors and the same latents when it comes back."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from videoinv.encoders.backbones import IRSE50
from videoinv.encoders.feature_style import FeatureStyle
from videoinv.encoders.images import CARS
from videoinv.encoders.light.files import SYSTEMS as LIGHT
from videoinv.encoders.light.network import LightSize
from videoinv.encoders.restyle import ReStyle
from videoinv.errors import CheckpointError, OutputError
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.model import Model
from videoinv.published.convert import save_encoder, save_model
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL
X = synth.rand_image((1, 3, 64, 64))


def load_published(folder: Path, system: str) -> Model:
    if system in official.SYSTEMS:
        return load_model(official.psp_family(folder / "m.pt", system, SMALL), device="cpu")
    state = {
        "w": published.w_encoder(SMALL) | published.rosinality(SMALL),
        "e2style": published.e2style(SMALL, 2, rows=(4, 3, 3)),
        "hyperinverter": published.hyperinverter(SMALL, 8, inner=8),
    }[system]
    path = official.save_torch(
        folder / "m.pt", synth.state_dict(state), latent_avg=official.mean_codes(SMALL), opts={}
    )
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network = official.save_nvlabs(folder / "g.pkl", weights)
    return load_model(path, generator=network, device="cpu")


def assert_same_tensors(first: torch.nn.Module, second: torch.nn.Module) -> None:
    """Bit for bit; outputs may differ in the last one, since files align tensors differently."""
    before, after = first.state_dict(), second.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("system", [*official.SYSTEMS, "w", "e2style", "hyperinverter"])
def test_every_system_comes_back_identical(tmp_path: Path, system: str) -> None:
    model = load_published(tmp_path, system)
    save_model(model, tmp_path / "c.safetensors")
    again = load_model(tmp_path / "c.safetensors", device="cpu")
    assert again.info.system == model.info.system == system
    assert again.info.terms == model.info.terms
    assert_same_tensors(model.encoder.net, again.encoder.net)
    assert_same_tensors(model.generator, again.generator)
    assert torch.equal(model.encoder.mean_codes, again.encoder.mean_codes)
    before, after = model.invert(X, steps=1), again.invert(X, steps=1)
    assert torch.allclose(before.codes, after.codes, rtol=1e-5, atol=1e-5)


def test_a_generator_alone(tmp_path: Path) -> None:
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    model = load_model(official.save_nvlabs(tmp_path / "g.pkl", weights), device="cpu")
    save_model(model, tmp_path / "c.safetensors")
    again = load_model(tmp_path / "c.safetensors", device="cpu")
    assert again.encoder is None
    assert torch.equal(again.generator.mean_codes, model.generator.mean_codes)


@pytest.mark.parametrize(("layer", "residual"), [(4, False), (2, True)])
def test_an_encoder_alone_joins_a_generator(tmp_path: Path, layer: int, residual: bool) -> None:
    model = load_published(tmp_path, "psp")
    encoder = FeatureStyle.untrained(
        model.generator, IRSE50(width=16), layer=layer, residual=residual, input_size=64, pool=2
    )
    encoder.net.eval()
    notes = {"recipe": "none", "terms": "ours"}
    save_encoder(encoder, tmp_path / "e.safetensors", notes)
    again = load_model(tmp_path / "e.safetensors", generator=model.generator, device="cpu")
    assert_same_tensors(encoder.net, again.encoder.net)
    before, after = encoder.encode(X), again.invert(X)
    assert before.features is not None and after.features is not None
    assert torch.allclose(before.features.tensor, after.features.tensor, rtol=1e-4, atol=1e-5)
    assert (after.features.layer, after.features.mode) == (layer, before.features.mode)
    assert again.info.terms == "ours"
    with pytest.raises(CheckpointError, match="holds no generator"):
        load_model(tmp_path / "e.safetensors", device="cpu")


@pytest.mark.parametrize("system", LIGHT)
def test_a_light_encoder_is_not_taken_for_the_published_one(tmp_path: Path, system: str) -> None:
    with torch.device("meta"):
        generator = MobileStyleGAN(channels=(16,) * 8, head_layers=(5,))
        encoder = LIGHT[system].build(generator, LightSize())
    with pytest.raises(CheckpointError, match="none of the published networks"):
        save_encoder(encoder, tmp_path / "e.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    model = load_published(tmp_path, "psp")
    with pytest.raises(OutputError, match=r"c\.safetensors: the model cannot be written"):
        save_model(model, tmp_path / "absent" / "c.safetensors")


def test_what_the_shapes_cannot_tell_is_kept(tmp_path: Path) -> None:
    state = synth.state_dict(published.restyle(SMALL))
    opts = {"encoder_type": "ProgressiveBackboneEncoder", "dataset_type": "cars_encode"}
    path = official.save_torch(tmp_path / "m.pt", state, opts=opts)
    save_model(load_model(path, device="cpu"), tmp_path / "c.safetensors")
    again = load_model(tmp_path / "c.safetensors", device="cpu")
    assert again.info.system == "restyle-e4e"
    assert isinstance(again.encoder, ReStyle) and again.encoder.framing == CARS


def test_the_file_says_where_it_came_from(tmp_path: Path) -> None:
    model = load_published(tmp_path, "restyle-psp")
    save_model(model, tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert metadata["system"] == "restyle-psp"
    assert metadata["source"] == "m.pt"
    assert metadata["source_sha256"] == model.info.digest
    assert metadata["terms"] == model.info.terms
    assert (metadata["resolution"], metadata["styles"]) == ("64", "10")


def test_a_safetensors_of_something_else_is_described(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"conv.weight": torch.zeros(2, 3)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"no known system.*conv\.weight' \[2, 3\]"):
        load_model(tmp_path / "x.safetensors", device="cpu")
