"""Latents on disk: what goes in comes out."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from videoinv.errors import CheckpointError, OutputError
from videoinv.latent_files import load_latent, load_steps, save_latent
from videoinv.latents import Features, Latent

DTYPES = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])


@st.composite
def latents(draw):
    count, dtype = draw(st.integers(1, 3)), draw(DTYPES)
    torch.manual_seed(draw(st.integers(0, 99)))
    features = Features(
        torch.randn(count, 2, 4, 4).to(dtype), draw(st.integers(0, 8)), draw(_MODES)
    )
    names = draw(st.sets(st.sampled_from(["synthesis.b4.conv1.weight", "features", "codes"])))
    offsets = {name: torch.randn(1, 2, 3).expand(count, 2, 3) for name in names}
    return Latent(
        torch.randn(count, 4, 8).to(dtype), features if draw(st.booleans()) else None, offsets
    )


_MODES = st.sampled_from(["replace", "add"])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(latent=latents(), notes=st.dictionaries(st.sampled_from("abc"), st.text(max_size=5)))
def test_round_trip(tmp_path, latent, notes):
    save_latent(tmp_path / "x.safetensors", latent, notes)
    loaded, read = load_latent(tmp_path / "x.safetensors")
    assert read == notes
    assert loaded.codes.dtype == latent.codes.dtype and loaded.codes.equal(latent.codes)
    assert (loaded.features is None) == (latent.features is None)
    if loaded.features is not None:
        assert loaded.features.tensor.equal(latent.features.tensor)
        assert loaded.features.layer == latent.features.layer
        assert loaded.features.mode == latent.features.mode
    assert loaded.weight_offsets.keys() == latent.weight_offsets.keys()
    for name, offset in latent.weight_offsets.items():
        assert loaded.weight_offsets[name].equal(offset)
    assert load_steps(tmp_path / "x.safetensors") is None


def test_steps_come_back(tmp_path):
    steps = torch.randn(3, 1, 4, 8)
    save_latent(tmp_path / "x.safetensors", Latent(steps[-1]), {}, steps)
    assert load_steps(tmp_path / "x.safetensors").equal(steps)
    assert load_latent(tmp_path / "x.safetensors")[0].codes.equal(steps[-1])


def test_other_files_are_refused(tmp_path):
    text, other = tmp_path / "text.safetensors", tmp_path / "other.safetensors"
    text.write_text("Dear Sir or Madam,")
    save_file({"codes": torch.zeros(1)}, other, {"format": json.dumps("pt")})
    for path in (text, other, tmp_path / "none.safetensors"):
        with pytest.raises(CheckpointError, match="holds no latent"):
            load_latent(path)


def test_nothing_is_left_where_it_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_latent(tmp_path / "absent" / "x.safetensors", Latent(torch.zeros(1, 2, 3)), {})
    assert not list(tmp_path.iterdir())
