import math

import pytest
import torch
from torch.nn import functional as F

import videoinv
from videoinv.errors import CheckpointError
from videoinv.latents import Features, Latent
from videoinv.losses.adversarial import (
    ImageDiscriminator,
    LatentDiscriminator,
    discriminator_term,
    generator_term,
    r1_penalty,
)
from videoinv.losses.codes import code_distance, delta_norm, mean_distance
from videoinv.losses.cosine import cosine_distance, layered_distance
from videoinv.losses.feature import feature_reconstruction
from videoinv.losses.identity import IdentityLoss, MultiLayerIdentityLoss
from videoinv.losses.landmarks import LandmarkLoss
from videoinv.losses.lpips import load_lpips
from videoinv.losses.parsing import ParsingLoss, load_parsing
from videoinv.losses.perceptual import PerceptualTarget
from videoinv.losses.pixel import squared_error


def smooth(count=2, size=96, seed=0):
    noise = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.tanh(F.interpolate(noise, size=size, mode="bicubic"))


def test_squared_error_is_a_mean_per_image():
    a = torch.zeros(2, 3, 2, 2)
    b = torch.stack([torch.full((3, 2, 2), 0.5), torch.full((3, 2, 2), -2.0)])
    assert squared_error(a, b).tolist() == [0.25, 4.0]


def test_cosine_distance_of_known_angles():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    b = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    expected = torch.tensor([0.0, 1.0, 1 + math.sqrt(0.5)])
    torch.testing.assert_close(cosine_distance(a, b), expected)
    torch.testing.assert_close(layered_distance([a, a], [b, b]), 2 * expected)


@pytest.mark.parametrize("scales", [1, 3])
def test_multiscale_lpips_is_the_sum_over_reduced_pairs(scales):
    lpips, (a, b) = load_lpips(), (smooth(size=160, seed=1), smooth(size=160, seed=2))
    pool = torch.nn.functional.avg_pool2d
    expected = sum(lpips(pool(a, k), pool(b, k)) for k in (1, 2, 4)[:scales])
    torch.testing.assert_close(PerceptualTarget(lpips, b, scales).distance(a), expected)


@pytest.mark.parametrize("kind", [IdentityLoss, MultiLayerIdentityLoss])
def test_identity_loss_is_zero_for_the_same_face_and_falls_along_its_gradient(kind):
    loss = kind()
    face, other = smooth(1, seed=3), smooth(1, seed=4)
    target = loss.target(face)
    assert loss.distance(face, target).item() == pytest.approx(0, abs=1e-5)
    x = other.clone().requires_grad_(True)
    before = loss.distance(x, target)
    (gradient,) = torch.autograd.grad(before.sum(), x)
    after = loss.distance(other - 0.5 * gradient / gradient.norm(), target)
    assert 0 < after.item() < before.item()


def test_landmarks_are_free_of_light_and_see_an_opening_mouth_and_a_turn():
    model = videoinv.load("default", encoder="optimize")
    mean = model.generator.mean_codes

    def face(**edits):
        moved = [s * model.directions[name].rows(len(mean)) for name, s in edits.items()]
        return model.generator.synthesize(Latent(sum(moved, mean)[None]), 256)

    loss = LandmarkLoss()
    target = loss.target(face())
    assert target.shape == (1, 68, 2)
    assert loss.distance(face(), target).item() == pytest.approx(0, abs=1e-6)
    darker = loss.distance(0.9 * face() - 0.1, target).item()
    turned = [loss.distance(face(yaw=s), target).item() for s in (1, 2, 3)]
    opened = [loss.distance(face(mouth_open=s), target).item() for s in (1, 2, 3)]
    assert darker < turned[0] < turned[1] < turned[2]
    assert darker < opened[0] < opened[1] < opened[2]


def test_codes_that_follow_the_gradient_of_landmarks_turn_as_the_target_does():
    model = videoinv.load("default", encoder="optimize")
    mean, yaw = model.generator.mean_codes, model.directions["yaw"].rows(model.generator.styles)
    loss = LandmarkLoss()
    target = loss.target(model.generator.synthesize(Latent((mean + 2 * yaw)[None]), 256))
    codes = mean[None].clone().requires_grad_(True)
    distance = loss.distance(model.generator.synthesize(Latent(codes), 256), target)
    (gradient,) = torch.autograd.grad(distance.sum(), codes)
    assert (gradient[0] * yaw).sum() < 0


def test_the_five_levels_end_in_the_embedding():
    face = smooth(1, seed=3)
    levels = MultiLayerIdentityLoss().target(face)
    assert [tuple(level.shape[1:]) for level in levels] == [
        (64, 56, 56),
        (64, 28, 28),
        (128, 14, 14),
        (128, 7, 7),
        (128, 1, 1),
    ]
    embedding = IdentityLoss().embed_crops(face)
    torch.testing.assert_close(F.normalize(levels[-1].flatten(1)), embedding)


def test_parsing_says_that_it_is_off_and_costs_nothing():
    loss = ParsingLoss()
    assert not loss.active
    assert "off" in loss.status
    assert loss.distance(smooth(), loss.target(smooth(seed=1))).tolist() == [0, 0]


class Levels(torch.nn.Module):
    def forward(self, x):
        return x, F.avg_pool2d(x, 2)


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_parsing_uses_a_torchscript_network(tmp_path):
    path = tmp_path / "parsing.pt"
    torch.jit.save(torch.jit.trace(Levels(), smooth()), str(path))
    loss = ParsingLoss(load_parsing(path))
    a, b = smooth(seed=1), smooth(seed=2)
    expected = cosine_distance(a, b) + cosine_distance(F.avg_pool2d(a, 2), F.avg_pool2d(b, 2))
    torch.testing.assert_close(loss.distance(a, loss.target(b)), expected)
    assert "on" in loss.status


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_file_that_is_no_torchscript_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="TorchScript"):
        load_parsing(path)


class OwnFeatures:
    """A generator whose features at layer 1 are the mean of the codes everywhere."""

    def features(self, codes, layer, weight_offsets=None):
        assert layer == 1
        return codes.mean(dim=(1, 2))[:, None, None, None].expand(-1, 2, 4, 4)


def test_feature_reconstruction_is_the_same_for_replaced_and_added_features():
    codes = torch.full((2, 3, 512), 2.0)
    features = torch.full((2, 2, 4, 4), 5.0)
    replaced = Latent(codes, Features(features, 1, "replace"))
    added = Latent(codes, Features(features - 2.0, 1, "add"))
    assert feature_reconstruction(OwnFeatures(), replaced).tolist() == [9, 9]
    assert feature_reconstruction(OwnFeatures(), added).tolist() == [9, 9]
    assert feature_reconstruction(OwnFeatures(), Latent(codes)).tolist() == [0, 0]


def test_delta_norm_is_zero_in_w_and_sums_the_norms_of_the_deltas():
    w = torch.randn(2, 1, 512).expand(2, 4, 512)
    assert delta_norm(w).tolist() == [0, 0]
    codes = torch.zeros(1, 3, 512)
    codes[0, 1, :2] = torch.tensor([3.0, 4.0])
    codes[0, 2, 0] = 2.0
    assert delta_norm(codes).tolist() == [7.0]


def test_code_distances_are_means():
    codes = torch.full((1, 2, 4), 3.0)
    assert mean_distance(codes, torch.ones(2, 4)).tolist() == [4.0]
    assert code_distance(codes, torch.zeros(1, 2, 4)).tolist() == [9.0]


def test_adversarial_terms_at_known_scores():
    zeros = torch.zeros(4)
    assert generator_term(zeros).item() == pytest.approx(math.log(2))
    assert discriminator_term(zeros, zeros).item() == pytest.approx(math.log(2))
    assert discriminator_term(zeros + 50, zeros - 50).item() == pytest.approx(0)
    assert generator_term(zeros - 50).item() == pytest.approx(50)


def test_r1_of_a_linear_discriminator_is_half_its_squared_weight():
    linear = torch.nn.Linear(2, 1, bias=False)
    linear.weight.data = torch.tensor([[3.0, 4.0]])
    penalty = r1_penalty(torch.nn.Sequential(linear, torch.nn.Flatten(0)), torch.randn(5, 2))
    assert penalty.item() == pytest.approx(12.5)
    penalty.backward()
    torch.testing.assert_close(linear.weight.grad, linear.weight.data)


@pytest.mark.parametrize(
    ("network", "shape"),
    [(LatentDiscriminator(), (3, 512)), (ImageDiscriminator(32, 8, 16), (3, 3, 32, 32))],
)
def test_discriminators_learn_to_tell_two_clouds_apart(network, shape):
    torch.manual_seed(0)
    real, fake = torch.randn(shape) + 0.5, torch.randn(shape) - 0.5
    assert network(real).shape == (3,)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    before = discriminator_term(network(real), network(fake)).item()
    for _ in range(20):
        optimiser.zero_grad()
        discriminator_term(network(real), network(fake)).backward()
        optimiser.step()
    assert discriminator_term(network(real), network(fake)).item() < 0.5 * before
