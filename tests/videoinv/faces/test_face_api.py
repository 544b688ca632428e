import json

import numpy as np
import pytest
import torch

from videoinv.errors import CheckpointError
from videoinv.faces.align import to_images
from videoinv.faces.embed import inner_crop
from videoinv.faces.expression import AgeGenderNetwork, ExpressionNetwork, LandmarkNetwork
from videoinv.faces.face_api import INPUT_SIZE, read_weights, same_padding
from videoinv.faces.mesh import FaceMesh
from videoinv.losses.landmarks import BOX


@pytest.fixture
def tiny_model(tmp_path):
    """Two tensors: one quantised, one plain."""
    manifest, binary = tmp_path / "manifest.json", tmp_path / "weights.bin"
    quantisation = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
    weights = [
        {"name": "a", "shape": [2, 2], "dtype": "float32", "quantization": quantisation},
        {"name": "b", "shape": [2], "dtype": "float32"},
    ]
    manifest.write_text(json.dumps([{"weights": weights, "paths": ["weights.bin"]}]))
    plain = np.array([1.5, -2.5], dtype="<f4").tobytes()
    binary.write_bytes(bytes([0, 1, 2, 255]) + plain)
    return manifest, binary


def test_tensors_are_read_in_order_and_dequantised(tiny_model):
    weights = read_weights(*tiny_model)
    assert weights["a"].tolist() == [[-1.0, -0.5], [0.0, 126.5]]
    assert weights["b"].tolist() == [1.5, -2.5]


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x"])
def test_files_that_do_not_belong_together_are_refused(tiny_model, change):
    manifest, binary = tiny_model
    binary.write_bytes(change(binary.read_bytes()))
    with pytest.raises(CheckpointError, match="belong together"):
        read_weights(manifest, binary)


def test_a_page_in_place_of_a_manifest_is_refused(tiny_model):
    manifest, binary = tiny_model
    manifest.write_text("<html></html>")
    with pytest.raises(CheckpointError):
        read_weights(manifest, binary)


@pytest.mark.parametrize(
    ("kernel", "stride", "before", "after"), [(3, 1, 1, 1), (3, 2, 0, 1), (1, 2, 0, 0)]
)
def test_same_padding_puts_the_odd_pixel_last(kernel, stride, before, after):
    padded = same_padding(torch.ones(1, 1, 4, 4), kernel, stride)
    expected = torch.zeros(before + 4 + after, before + 4 + after)
    expected[before : before + 4, before : before + 4] = 1
    assert torch.equal(padded[0, 0], expected)


def test_each_face_is_scored_by_itself():
    faces = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expression, age_gender = ExpressionNetwork.load(), AgeGenderNetwork.load()
    logits = expression(faces)
    assert logits.shape == (3, 7)
    assert torch.allclose(expression(faces[1:2]), logits[1:2], atol=1e-3)
    years, gender = age_gender(faces)
    assert years.shape == gender.shape == (3,)
    assert torch.allclose(age_gender(faces[2:])[0], years[2:], atol=1e-3)


def test_landmarks_lie_where_the_mesh_says(crops):
    points = LandmarkNetwork.load()(inner_crop(crops, BOX, INPUT_SIZE)).numpy()
    places = 256 * (BOX[:2] + points * (BOX[2:] - BOX[:2])) - 0.5
    # Outer corners of the eyes, corners of the mouth, inner lips, chin: in either order of points.
    ours, in_mesh = [36, 45, 48, 54, 62, 66, 8], [33, 263, 61, 291, 13, 14, 152]
    meshes = FaceMesh().fit_aligned(to_images(crops))
    expected = np.stack([mesh[in_mesh, :2] for mesh in meshes])
    assert np.linalg.norm(places[:, ours] - expected, axis=2).mean(axis=0).max() < 8
