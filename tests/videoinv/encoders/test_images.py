"""The resize rules, against Pillow and against their definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from videoinv.encoders.images import CARS, Framing, resize_antialiased, resize_sampled


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


@given(height=st.integers(20, 90), width=st.integers(20, 90), seed=st.integers(0, 99))
def test_antialiased_is_pillows_bilinear(height: int, width: int, seed: int) -> None:
    image = photo(height, width, seed)
    expected = as_tensor(np.asarray(Image.fromarray(image).resize((32, 24), Image.BILINEAR)))
    # Pillow rounds to whole levels after each axis: half a level each, 2/255 per level.
    assert (resize_antialiased(as_tensor(image), 24, 32) - expected).abs().max() <= 1.01 * 2 / 255


def test_sampled_at_factor_four_is_the_mean_of_the_middle_four() -> None:
    images = torch.randn(1, 3, 64, 64)
    cells = images.unfold(2, 4, 4).unfold(3, 4, 4)[..., 1:3, 1:3]
    assert torch.allclose(resize_sampled(images, 16), cells.mean((-1, -2)), atol=1e-6)


def test_pooling_is_the_mean_of_boxes() -> None:
    images = torch.randn(1, 3, 64, 64)
    boxes = images.unfold(2, 4, 4).unfold(3, 4, 4)
    assert torch.allclose(Framing(16, 16).pool(images), boxes.mean((-1, -2)), atol=1e-6)


def test_a_car_photo_is_squashed_and_a_canvas_cropped() -> None:
    wide = torch.randn(1, 3, 100, 400)
    assert torch.equal(CARS.fit(wide), resize_antialiased(wide, 192, 256))
    canvas = torch.randn(1, 3, 512, 512)
    assert torch.equal(CARS.fit(canvas), resize_antialiased(canvas[:, :, 64:448], 192, 256))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_resizing_keeps_the_dtype(dtype: torch.dtype) -> None:
    images = torch.randn(1, 3, 64, 64).to(dtype)
    assert resize_antialiased(images, 16, 16).dtype == dtype
    assert resize_sampled(images, 16).dtype == dtype
