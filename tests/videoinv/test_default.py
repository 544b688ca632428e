"""The default model with each of the encoders that come with it, on a real face."""

from itertools import islice, pairwise

import cv2
import numpy as np
import pytest
import torch

import videoinv
from pipelines.clip_faces import clip_faces
from videoinv.checkpoints.fetch import fetch
from videoinv.encoders.light.shipped import shipped_encoders
from videoinv.errors import BadInputError, CheckpointError
from videoinv.faces.align import to_images, to_tensor
from videoinv.faces.attributes import AttributeScorer
from videoinv.latents import Latent
from videoinv.metrics.reconstruction import ReconstructionMetrics

LEAST = {
    "restyle": (0.33, 0.2),
    "feature-style": (0.10, 0.8),
    "e2style": (0.34, 0.12),
    "hyperinverter": (0.36, 0.08),
}
"""LPIPS at most and identity at least, for one frame of a webcam."""


@pytest.fixture(scope="module")
def face():
    frames = clip_faces(fetch("clip-webcam-smile"), 256, stride=60)
    return to_tensor(list(islice(frames, 1)))


@pytest.fixture(scope="module")
def people():
    """A man who begins to smile, and a woman who speaks: [B, 3, 256, 256]."""
    names = ("clip-webcam-smile", "clip-hand-over-face")
    return to_tensor([f for n in names for f in clip_faces(fetch(n), 256, stride=12, most=6)])


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


def test_codes_alone_laugh_and_speak_when_the_person_does(people):
    """What they left of it to features would be gone where these give way to an edit."""
    model = videoinv.load(device="cpu", dtype="float32")
    with torch.no_grad():
        codes = model.invert(people).codes
        shown = model.generator.synthesize(Latent(codes), 256).clamp(-1, 1)
    scorer = AttributeScorer()
    wanted, found = scorer.score(people), scorer.score(shown)
    for name in ("smile", "mouth_open", "yaw"):
        slope, _ = np.polyfit(wanted[name], found[name], 1)
        assert 0.7 < slope < 1.3, name
        assert np.corrcoef(wanted[name], found[name])[0, 1] > 0.85, name


def test_a_smile_leaves_the_skin_its_colour(face):
    """Of forehead, cheeks and nose, in CIELAB, where 2.3 is just noticed."""
    model = videoinv.load(device="cpu", dtype="float32")
    with torch.no_grad():
        latent = model.invert(face)
        edited = model.edit(latent, {"smile": 2.0})
        shown = [model.generator.synthesize(each, 256).clamp(-1, 1) for each in (latent, edited)]
    before, after = (skin_colour(to_images(image)[0]) for image in shown)
    assert np.linalg.norm(after - before, axis=1).mean() < 2.3


def skin_colour(crop):
    """Mean L*, a*, b* of the forehead and of cheeks and nose in an aligned crop, [2, 3]."""
    lab = cv2.cvtColor(np.float32(crop) / 255, cv2.COLOR_RGB2LAB)
    return np.array([lab[65:95, 95:160].mean((0, 1)), lab[130:165, 80:176].mean((0, 1))])


@pytest.mark.parametrize("name", ["restyle", "feature-style", "e2style", "hyperinverter"])
def test_further_steps_are_nearer_to_the_person(name, face):
    """Or stand still, where the step before has found its fixed point."""
    model = videoinv.load(encoder=name, device="cpu", dtype="float32")
    with torch.no_grad():
        latents = model.encoder.encode_steps(face)
        shown = [model.generator.synthesize(latent, 256) for latent in latents]
    scores = [ReconstructionMetrics().measure(image, face)[0].lpips for image in shown]
    assert all(after < before + 5e-4 for before, after in pairwise(scores))
    assert scores[-1] < scores[0] - 3e-3
    assert len(scores) == model.info.steps > 1


def test_a_shipped_encoder_is_small_and_says_what_it_is():
    for name, path in shipped_encoders().items():
        assert path.stat().st_size < 25e6
        card = path.with_suffix(".md").read_text()
        assert path.name in card and "Terms" in card and "Scores" in card, name


def test_restyle_stands_still_on_a_still(face):
    """Step after step on one frame, as in a video where nobody moves."""
    model = videoinv.load(encoder="restyle", device="cpu", dtype="float32")
    with torch.no_grad():
        codes = [latent.codes for latent in model.encoder.encode_steps(face, steps=24)]
    moved = [float((b - a).square().mean().sqrt()) for a, b in pairwise(codes)]
    spread = float((codes[-1] - model.generator.mean_codes).square().mean().sqrt())
    assert max(moved[8:]) < 0.02 * spread


@pytest.mark.parametrize("name", LEAST)
def test_a_still_stays_the_same_person_frame_after_frame(name, face):
    """Every frame of a video starts from the one before it, if the system takes a start."""
    encoder = videoinv.load(encoder=name, device="cpu", dtype="float32").encoder
    first = latent = encoder.encode(face)
    for _ in range(12):
        latent = encoder.encode(face, latent)
    spread = (first.codes - encoder.mean_codes).square().mean().sqrt()
    moved = (latent.codes - first.codes).square().mean().sqrt()
    assert moved < 0.15 * spread


def test_an_unknown_encoder_is_refused_with_the_known_ones():
    with pytest.raises(BadInputError, match=r"feature-style.*, optimize"):
        videoinv.load(encoder="stylegan")


def test_a_file_that_is_no_encoder_is_refused(tmp_path):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"not a tensor in sight")
    with pytest.raises(CheckpointError):
        videoinv.load(encoder=str(path))


def test_a_generator_beside_the_default_model_is_refused():
    with pytest.raises(BadInputError, match=r"'x\.pt'.*brings its own"):
        videoinv.load(generator="x.pt")
