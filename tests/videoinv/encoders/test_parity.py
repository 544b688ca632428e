"""The published implementations' own numbers, at full size, from files in their official layout.

The expected outputs are stored beside ``synth.py``: batch 1, seed 0, stored noise. Images are
stored in float16.
"""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path, PosixPath

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.restyle import ReStyle
from videoinv.latents import Latent
from videoinv.published.load import load_model

from ...parity import official, published, synth

pytestmark = pytest.mark.slow

PUBLISHED = published.PUBLISHED
ONE_PASS, MANY_PASSES, FLOAT16 = 1e-5, 1e-4, 2e-3
"""Largest difference over the largest value."""
FOLDER = Path(synth.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Room for files of half a gigabyte that go when the test is over."""
    yield tmp_path
    for path in tmp_path.iterdir():
        path.unlink()


def expected(name: str) -> dict[str, Tensor]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]).float() for key in arrays}


def assert_close(actual: Tensor, reference: Tensor, tolerance: float) -> None:
    actual = actual.reshape(reference.shape)
    assert (actual - reference).abs().max() <= tolerance * reference.abs().max()


def image_256(model, latent: Latent) -> Tensor:
    return F.adaptive_avg_pool2d(model.generator.synthesize(latent), 256)


def test_stylegan2(folder: Path) -> None:
    numbers = expected("stylegan2")
    weights = synth.state_dict(published.nvlabs(PUBLISHED))
    tensors = {name.removeprefix("G."): tensor for name, tensor in weights.items()}
    model = load_model(official.save_nvlabs(folder / "g.pkl", tensors), device="cpu")
    assert_close(image_256(model, Latent(numbers["w"])), numbers["image_256"], FLOAT16)


def test_restyle(folder: Path) -> None:
    numbers = expected("restyle_psp")
    state = synth.state_dict(published.restyle(PUBLISHED))
    opts = {"encoder_type": "BackboneEncoder", "input_nc": 6, "exp_dir": PosixPath("/exp")}
    path = official.save_torch(folder / "m.pt", state, latent_avg=numbers["latent_avg"], opts=opts)
    model = load_model(path, device="cpu")
    assert isinstance(model.encoder, ReStyle)
    assert_close(model.encoder.average_image, numbers["avg_image"], FLOAT16)
    steps = model.encoder.encode_steps(synth.rand_image((1, 3, 256, 256)), steps=3)
    for index, step in enumerate(steps):
        tolerance = ONE_PASS if index == 0 else MANY_PASSES
        assert_close(step.codes, numbers["latents"][index], tolerance)
    assert_close(image_256(model, steps[-1]), numbers["images_256"][-1], FLOAT16)


def test_e2style(folder: Path) -> None:
    numbers = expected("e2style")
    state = synth.state_dict(published.e2style(PUBLISHED))
    path = official.save_torch(
        folder / "m.pt", state, latent_avg=numbers["latent_avg"], opts=Namespace(training_stage=3)
    )
    model = load_model(path, device="cpu")
    assert isinstance(model.encoder, E2Style)
    stages = model.encoder.encode_steps(synth.rand_image((1, 3, 256, 256)))
    for index, stage in enumerate(stages):
        tolerance = ONE_PASS if index == 0 else MANY_PASSES
        assert_close(stage.codes, numbers["latents"][index], tolerance)
    assert_close(image_256(model, stages[-1]), numbers["images_256"][-1], FLOAT16)


def test_hyperinverter(folder: Path) -> None:
    numbers = expected("hyperinverter")
    state = synth.state_dict(published.hyperinverter(PUBLISHED))
    weights = synth.state_dict(published.nvlabs(PUBLISHED))
    tensors = {name.removeprefix("G."): tensor for name, tensor in weights.items()}
    model = load_model(
        official.save_torch(folder / "h.pt", state, opts={"hidden_dim": 128}),
        generator=official.save_nvlabs(folder / "g.pkl", tensors),
        device="cpu",
    )
    assert isinstance(model.encoder, HyperInverter)
    images = synth.rand_image((1, 3, 1024, 1024))
    phase1, phase2 = model.encoder.encode_steps(images)
    seen = model.encoder.net.w_bar_encoder(model.encoder.fit(images))
    assert_close(phase1.codes, numbers["w"], ONE_PASS)
    assert_close(seen[0, 0, ::4], numbers["h_x_row0"], ONE_PASS)
    offsets = {name: value for name, value in numbers.items() if name.startswith("delta.")}
    assert len(offsets) == 4
    for name, offset in offsets.items():
        predicted = phase2.weight_offsets[name.replace("delta", "synthesis", 1)]
        assert_close(predicted, offset, MANY_PASSES)
    assert_close(image_256(model, phase1), numbers["w_image_256"], FLOAT16)
    assert_close(image_256(model, phase2), numbers["final_image_256"], FLOAT16)
