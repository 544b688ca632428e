"""The pictures by which a run is judged."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from videoinv.editing.delta import YIELD, edit_features
from videoinv.errors import OutputError
from videoinv.faces.align import to_images
from videoinv.latents import Features, Latent
from videoinv.training.evaluation import save_sheet

SIDE, LAYER = 64, 1


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_a_sheet_shows_the_edit_that_the_product_makes(mode, generator, tmp_path):
    rng = torch.Generator().manual_seed(0)
    codes = generator.map(torch.randn(2, 512, generator=rng))
    tensor = torch.randn(2, *generator.feature_shape(LAYER), generator=rng)
    if mode == "replace":
        tensor = tensor + generator.features(codes, LAYER)
    latent = Latent(codes, Features(tensor, LAYER, mode))
    direction = torch.randn(generator.styles, 512, generator=rng)
    photos = to_images(torch.zeros(2, 3, SIDE, SIDE))
    encoder = SimpleNamespace(encode=lambda images: latent)
    path = tmp_path / "sheet.png"
    save_sheet(encoder, generator, photos, path, direction=direction)
    sheet = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert sheet.shape == (2 * SIDE, 4 * SIDE, 3)
    shown = np.split(sheet[:, 3 * SIDE :], 2)
    moved = edit_features(generator, latent, codes + 2 * direction, YIELD)
    assert all(map(np.array_equal, shown, to_images(generator.synthesize(moved, SIDE))))
    plain = to_images(generator.synthesize(latent.with_codes(codes + 2 * direction), SIDE))
    assert not np.array_equal(shown[0], plain[0])


def test_a_sheet_that_the_disk_does_not_take_is_told_of(generator, limited_disk, tmp_path):
    latent = Latent(generator.mean_codes[None])
    encoder = SimpleNamespace(encode=lambda images: latent)
    photos = to_images(torch.zeros(1, 3, SIDE, SIDE))
    path = tmp_path / "sheet.png"
    with limited_disk(50), pytest.raises(OutputError, match="the sheet cannot be written"):
        save_sheet(encoder, generator, photos, path)
    assert not list(tmp_path.iterdir())
