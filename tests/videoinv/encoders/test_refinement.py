"""Steps and warm starts of the systems that refine, and what the others make of them."""

import pytest
import torch

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.restyle import ReStyle
from videoinv.errors import BadInputError
from videoinv.latents import Latent
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL
X = synth.rand_image((2, 3, 64, 64))


@pytest.fixture(scope="module")
def restyle(tmp_path_factory: pytest.TempPathFactory) -> ReStyle:
    path = tmp_path_factory.mktemp("restyle") / "m.pt"
    encoder = load_model(official.psp_family(path, "restyle-psp", SMALL), device="cpu").encoder
    assert isinstance(encoder, ReStyle)
    return encoder


@pytest.fixture(scope="module")
def e2style(tmp_path_factory: pytest.TempPathFactory) -> E2Style:
    path = tmp_path_factory.mktemp("e2style") / "m.pt"
    state = synth.state_dict(published.e2style(SMALL, 3, rows=(4, 3, 3)))
    official.save_torch(path, state, latent_avg=official.mean_codes(SMALL), opts={})
    encoder = load_model(path, device="cpu").encoder
    assert isinstance(encoder, E2Style)
    return encoder


def test_warm_start_goes_on_where_the_last_step_stopped(restyle: ReStyle) -> None:
    steps = restyle.encode_steps(X, steps=4)
    warm = restyle.encode_steps(X, start=steps[1], steps=2)
    assert torch.allclose(warm[0].codes, steps[2].codes, atol=1e-5)
    assert torch.allclose(warm[1].codes, steps[3].codes, atol=1e-5)
    assert not torch.allclose(warm[0].codes, steps[0].codes, atol=1e-2)


def test_one_latent_warms_a_whole_chunk(restyle: ReStyle) -> None:
    last = restyle.encode(X[:1], steps=1)
    chunk = restyle.encode(X, start=last, steps=1)
    each = [restyle.encode(X[i : i + 1], start=last, steps=1).codes for i in range(2)]
    assert torch.allclose(chunk.codes, torch.cat(each), atol=1e-5)


def test_a_batch_is_the_same_as_its_images_one_by_one(restyle: ReStyle) -> None:
    together = restyle.encode(X, steps=3).codes
    alone = torch.cat([restyle.encode(image[None], steps=3).codes for image in X])
    assert torch.allclose(together, alone, atol=1e-5)


def test_five_steps_by_default(restyle: ReStyle) -> None:
    assert len(restyle.encode_steps(X[:1])) == 5


def test_gradients_reach_the_network_through_one_step(restyle: ReStyle) -> None:
    images = X.clone().requires_grad_()
    codes = restyle.mean_codes.expand(2, -1, -1)
    step = restyle.stepper(images)
    step(restyle.average_image.expand(2, -1, -1, -1), codes).sum().backward()
    assert images.grad is not None and images.grad.abs().max() > 0


def test_e2style_begins_with_its_first_stage_whatever_the_start(e2style: E2Style) -> None:
    stages = e2style.encode_steps(X)
    warm = e2style.encode_steps(X, start=stages[2])
    assert len(warm) == len(stages) == 3
    assert all(torch.equal(a.codes, b.codes) for a, b in zip(warm, stages, strict=True))


@pytest.mark.parametrize("shape", [(3, 10, 32), (2, 18, 32), (1, 10, 512)])
def test_a_start_of_other_images_or_rows_is_refused(
    restyle: ReStyle, shape: tuple[int, ...]
) -> None:
    with pytest.raises(BadInputError, match=r"2 images want \[1 or 2, 10, 32\]"):
        restyle.encode(X, start=Latent(torch.zeros(shape)), steps=2)


def test_images_in_other_dtypes_are_welcome(restyle: ReStyle) -> None:
    codes = restyle.encode(X.half(), steps=1).codes
    assert codes.dtype == torch.float32
    assert torch.allclose(codes, restyle.encode(X.half().float(), steps=1).codes)


@pytest.mark.parametrize("steps", [0, -1])
def test_restyle_refuses_no_steps(restyle: ReStyle, steps: int) -> None:
    with pytest.raises(BadInputError, match=f"at least 1 step; got {steps}"):
        restyle.encode(X, steps=steps)


@pytest.mark.parametrize("steps", [0, 4])
def test_e2style_refuses_stages_it_does_not_have(e2style: E2Style, steps: int) -> None:
    with pytest.raises(BadInputError, match=f"stages 1 to 3; got steps={steps}"):
        e2style.encode(X, steps=steps)


@pytest.mark.parametrize(
    "images", [X[0], X[:, :1], (X * 127).to(torch.uint8)], ids=["one", "grey", "bytes"]
)
def test_images_of_another_kind_are_refused(restyle: ReStyle, images: torch.Tensor) -> None:
    with pytest.raises(BadInputError, match=r"float images \[B, 3, H, W\]"):
        restyle.encode(images)


def test_every_encoder_keeps_the_protocol(restyle: ReStyle, e2style: E2Style) -> None:
    for encoder in (restyle, e2style):
        assert isinstance(encoder, Encoder)
        assert isinstance(encoder.encode(X[:1], steps=1), Latent)
