import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videoinv.errors import BadInputError, CheckpointError
from videoinv.faces.embed import ARCFACE_TEMPLATE, FaceEmbedder, arcface_alignment
from videoinv.faces.types import Alignment, transform_points


@pytest.fixture(scope="module")
def embedder():
    return FaceEmbedder()


@given(st.floats(0.2, 20), st.floats(-3, 3), st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_points_that_fit_the_template_land_on_it(scale, angle, x, y):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = scale * ARCFACE_TEMPLATE @ turn.T + [x, y]
    matrix = arcface_alignment(points).to_crop
    assert np.allclose(transform_points(matrix, points), ARCFACE_TEMPLATE, atol=1e-4)


def test_the_fit_is_the_least_squares_one():
    points = ARCFACE_TEMPLATE + np.random.default_rng(0).normal(0, 4, (5, 2))
    best = arcface_alignment(points)

    def error(alignment):
        return ((transform_points(alignment.to_crop, points) - ARCFACE_TEMPLATE) ** 2).sum()

    # In crop pixels the exact minimum: no nearby similarity is better.
    for change in ((1.001, 0), (0.999, 0), (1, 0.001), (1, -0.001)):
        other = Alignment.from_parameters(
            best.center, best.scale * change[0], best.rotation + change[1], best.size
        )
        assert error(best) < error(other)


def test_one_person_is_closer_than_two(embedder, detector, man, woman):
    images = [*man, *woman]
    embeddings = embedder.embed(images, [detector.detect(image)[0] for image in images])
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(5), atol=1e-5)
    cosines = embeddings @ embeddings.T
    assert cosines[:3, :3].min() > 0.7
    assert cosines[3, 4] > 0.35
    assert cosines[:3, 3:].max() < 0.3


def test_aligned_crops_say_the_same_as_frames(embedder, detector, man, woman, crops):
    images = [*man, *woman]
    by_points = embedder.embed(images, [detector.detect(image)[0] for image in images])
    by_crop = embedder.embed_crops(crops)
    assert (by_points * by_crop).sum(dim=1).min() > 0.75
    assert (by_points @ by_crop.T)[:3, 3:].max() < 0.3


def test_crops_of_any_size_and_their_gradient(embedder, crops):
    small = crops[:1].clone().requires_grad_(True)
    large = torch.nn.functional.interpolate(crops[:1], scale_factor=4, mode="bicubic")
    embedding = embedder.embed_crops(small)
    assert (embedding * embedder.embed_crops(large)).sum() > 0.97
    embedding[0, 0].backward()
    assert small.grad is not None
    assert small.grad.abs().sum() > 0


def test_wrong_shapes_and_files_are_refused(embedder, tmp_path):
    with pytest.raises(BadInputError, match=r"\[B, 3, S, S\]"):
        embedder.embed_crops(torch.zeros(1, 3, 128, 64))
    assert embedder.embed([], []).shape == (0, 128)
    page = tmp_path / "model.pt"
    page.write_text("<html>too many requests</html>")
    with pytest.raises(CheckpointError, match="MobileFaceNet"):
        FaceEmbedder(page)
