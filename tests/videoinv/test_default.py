"""The default model with each of the encoders that come with it, on a real face."""

from itertools import islice

import pytest
import torch

import videoinv
from pipelines.clip_faces import clip_faces
from videoinv.checkpoints.fetch import fetch
from videoinv.encoders.light.shipped import shipped_encoders
from videoinv.errors import BadInputError, CheckpointError
from videoinv.faces.align import to_tensor
from videoinv.faces.attributes import AttributeScorer
from videoinv.metrics.reconstruction import ReconstructionMetrics

LEAST = {"feature-style": (0.20, 0.6)}
"""LPIPS at most and identity at least, for one frame of a webcam."""


@pytest.fixture(scope="module")
def face():
    frames = clip_faces(fetch("clip-webcam-smile"), 256, stride=60)
    return to_tensor(list(islice(frames, 1)))


@pytest.mark.parametrize("name", list(shipped_encoders()))
def test_a_shipped_encoder_shows_the_person_and_takes_an_edit(name, face):
    model = videoinv.load(encoder=name, device="cpu", dtype="float32")
    assert name in model.info.system
    assert len(model.info.encoder_digest) == 64
    with torch.no_grad():
        latent = model.invert(face)
        shown = model.generator.synthesize(latent, 256)
        smiling = model.generator.synthesize(model.edit(latent, {"smile": 2.0}), 256)
    scores = ReconstructionMetrics().measure(shown, face)[0]
    lpips, identity = LEAST[name]
    assert scores.lpips < lpips
    assert scores.identity > identity
    before, after = AttributeScorer().score(torch.cat([shown, smiling]).clamp(-1, 1)).smile
    assert after > before + 0.5


def test_an_unknown_encoder_is_refused_with_the_known_ones():
    with pytest.raises(BadInputError, match="feature-style, optimize"):
        videoinv.load(encoder="stylegan")


def test_a_file_that_is_no_encoder_is_refused(tmp_path):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"not a tensor in sight")
    with pytest.raises(CheckpointError):
        videoinv.load(encoder=str(path))
