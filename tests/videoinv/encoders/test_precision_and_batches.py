"""Every published system in float16 and bfloat16 beside float32, and in batches."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from videoinv.latents import Latent
from videoinv.model import Model
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL
SYSTEMS = ("psp", "e4e", "restyle-psp", "restyle-e4e", "e2style", "hyperinverter")
STEPS = {"restyle-psp": 3, "restyle-e4e": 3}
BOUNDS = {torch.float16: 0.005, torch.bfloat16: 0.03}
"""Largest difference over the largest value, of codes and of images."""
X = synth.rand_image((2, 3, 64, 64))

Open = Callable[..., Model]


@pytest.fixture(scope="module")
def open_system(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """A function that loads a system in a dtype from a file in its official layout."""
    folder = tmp_path_factory.mktemp("files")
    mean = official.mean_codes(SMALL)
    for system in official.SYSTEMS:
        official.psp_family(folder / system, system, SMALL)
    state = synth.state_dict(published.e2style(SMALL, 3, rows=(4, 3, 3)))
    official.save_torch(folder / "e2style", state, latent_avg=mean, opts={})
    state = synth.state_dict(published.hyperinverter(SMALL, 8, inner=8))
    official.save_torch(folder / "hyperinverter", state, opts={})
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network: Path = official.save_nvlabs(folder / "g.pkl", weights)

    def open_system(system: str, dtype: torch.dtype = torch.float32) -> Model:
        generator = network if system == "hyperinverter" else None
        return load_model(folder / system, generator=generator, device="cpu", dtype=dtype)

    return open_system


def error(actual: Tensor, expected: Tensor) -> float:
    assert actual.dtype == expected.dtype == torch.float32
    return float((actual - expected).abs().max() / expected.abs().max())


def inverted(model: Model, system: str, images: Tensor = X) -> Latent:
    return model.invert(images, steps=STEPS.get(system))


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_low_precision_stays_near_float32(
    open_system: Open, system: str, dtype: torch.dtype
) -> None:
    exact, low = open_system(system), open_system(system, dtype)
    expected, latent = inverted(exact, system), inverted(low, system)
    codes = error(latent.codes, expected.codes)
    images = error(low.generator.synthesize(latent), exact.generator.synthesize(expected))
    print(f"{system} {dtype}: codes {codes:.1e}, images {images:.1e}")
    assert 1e-7 < codes < BOUNDS[dtype]  # not float32 after all, and near it
    assert images < BOUNDS[dtype]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_batch_is_its_images_one_by_one(open_system: Open, system: str) -> None:
    model = open_system(system)
    together = inverted(model, system)
    images = model.generator.synthesize(together)
    for index in range(len(X)):
        alone = inverted(model, system, X[index : index + 1])
        assert error(together.codes[index : index + 1], alone.codes) < 1e-5
        assert error(images[index : index + 1], model.generator.synthesize(alone)) < 1e-5
        for name, offset in alone.weight_offsets.items():
            assert error(together.weight_offsets[name][index : index + 1], offset) < 1e-4
