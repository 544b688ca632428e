"""What a model says of itself tells it from others: the analysis cache goes by it."""

from dataclasses import replace
from pathlib import Path

import pytest

import videoinv
from pipelines.cache.settings import latent_settings
from pipelines.edit_settings import EditSettings
from videoinv.checkpoints.cache import sha256_of
from videoinv.model import Model
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL


def key(model: Model) -> dict[str, object]:
    return latent_settings(model, EditSettings(), 1)


def encoder_file(path: Path, seed: int) -> Path:
    state = synth.state_dict(published.restyle(SMALL), seed)
    opts = {"encoder_type": official.SYSTEMS["restyle-psp"]}
    return official.save_torch(path, state, latent_avg=official.mean_codes(SMALL), opts=opts)


def generator_file(path: Path, seed: int) -> Path:
    return official.save_nvlabs(path, synth.state_dict(published.nvlabs(SMALL, ""), seed))


def test_two_encoders_of_one_system_have_two_keys(tmp_path: Path) -> None:
    first, second = (encoder_file(tmp_path / f"{seed}.pt", seed) for seed in (1, 2))
    whole = official.psp_family(tmp_path / "m.pt", "psp", SMALL)
    with_first = load_model(whole, encoder=first, device="cpu")
    with_second = load_model(whole, encoder=second, device="cpu")
    assert with_first.info.system == with_second.info.system
    assert with_first.info.encoder_digest == sha256_of(first)
    assert key(with_first) != key(with_second)
    assert key(with_first) == key(load_model(whole, encoder=first, device="cpu"))


def test_two_generators_have_two_keys(tmp_path: Path) -> None:
    first, second = (generator_file(tmp_path / f"{seed}.pkl", seed) for seed in (1, 2))
    encoder = encoder_file(tmp_path / "e.pt", 0)
    with_first, with_second = (
        load_model(encoder, generator=file, device="cpu") for file in (first, second)
    )
    assert with_first.info.generator_digest == sha256_of(first)
    assert key(with_first) != key(with_second)
    handed_over = [
        load_model(encoder, generator=model.generator, device="cpu")
        for model in (with_first, with_second, with_first)
    ]
    keys = [key(model) for model in handed_over]
    assert keys[0] != keys[1] and keys[0] == keys[2]


def test_parts_from_one_file_have_its_digest(tmp_path: Path) -> None:
    info = load_model(official.psp_family(tmp_path / "m.pt", "e4e", SMALL), device="cpu").info
    assert info.digest == info.encoder_digest == info.generator_digest
    info = load_model(generator_file(tmp_path / "g.pkl", 0), device="cpu").info
    assert (info.encoder_digest, info.generator_digest) == ("", info.digest)


def test_optimisation_beside_a_checkpoint_is_no_encoder_of_its_file(tmp_path: Path) -> None:
    whole = str(official.psp_family(tmp_path / "m.pt", "restyle-psp", SMALL))
    model = videoinv.load(whole, device="cpu")
    optimised = videoinv.load(whole, encoder="optimize", device="cpu")
    assert model.info.steps == 5 and model.info.encoder_digest == model.info.digest
    system = "restyle-psp with optimize"
    assert optimised.info == replace(model.info, system=system, steps=0, encoder_digest="")
    assert key(optimised) != key(model)


@pytest.mark.parametrize("name", [None, "optimize"])
def test_the_default_model_says_where_its_parts_are_from(name: str | None) -> None:
    info = videoinv.load(encoder=name, device="cpu", dtype="float32").info
    assert len(info.generator_digest) == 64
    assert (len(info.encoder_digest), info.steps > 0) == (
        (64, True) if name is None else (0, False)
    )
