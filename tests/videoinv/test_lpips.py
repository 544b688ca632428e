import lpips
import pytest
import torch

from videoinv.losses.lpips import load_lpips


@pytest.fixture(scope="module")
def alex():
    return load_lpips("alex")


def images(count: int = 2, size: int = 96, seed: int = 0) -> torch.Tensor:
    """Smooth random pictures in [−1, 1]."""
    noise = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.tanh(torch.nn.functional.interpolate(noise, size=size, mode="bicubic"))


@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")
@pytest.mark.parametrize("net", ["alex", pytest.param("vgg", marks=pytest.mark.slow)])
def test_the_number_is_the_packages_own(net):
    ours = load_lpips(net)
    package = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    package.net.load_state_dict(ours.backbone.state_dict())
    a, b = images(seed=1), images(seed=2)
    torch.testing.assert_close(ours(a, b), package(a, b).flatten(), rtol=1e-5, atol=1e-7)


def test_the_backbone_is_trained(alex):
    """To people and to LPIPS a loss of detail is a larger change than a uniform shift of tone.

    By squared error it is the smaller one. A random backbone gives a ratio of 2, one with its
    input channels reversed 0.1.
    """
    grain = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    sharp = images(size=128) + 0.2 * grain
    blurred = torch.nn.functional.avg_pool2d(sharp, 5, stride=1, padding=2)
    shifted = sharp + 0.3
    assert ((sharp - shifted) ** 2).mean() > ((sharp - blurred) ** 2).mean()
    assert (alex(sharp, shifted) < 0.04 * alex(sharp, blurred)).all()


def test_target_features_computed_once_give_the_same_number(alex):
    a, b = images(seed=1), images(seed=2)
    target = alex.features(b)
    assert torch.equal(alex.distance(alex.features(a), target), alex(a, b))


def test_one_target_for_many_images(alex):
    a, target = images(3, seed=1), images(1, seed=2)
    expected = alex(a, target.expand(3, -1, -1, -1))
    torch.testing.assert_close(alex.distance(alex.features(a), alex.features(target)), expected)


def test_equal_images_have_distance_zero_and_finite_gradients(alex):
    """A constant picture gives layers where all features are 0: there the norm has no slope."""
    a = torch.zeros(1, 3, 64, 64, requires_grad=True)
    distance = alex(a, torch.zeros(1, 3, 64, 64))
    distance.sum().backward()
    assert distance.item() == 0
    assert torch.isfinite(a.grad).all()


def test_gradients_reach_the_images_and_not_the_network(alex):
    a = images(seed=1).requires_grad_()
    alex(a, images(seed=2)).sum().backward()
    assert a.grad.abs().sum() > 0
    assert all(not parameter.requires_grad for parameter in alex.parameters())


def test_it_stays_in_evaluation_inside_a_model_that_trains(alex):
    torch.nn.Sequential(alex).train()
    a, b = images(seed=1), images(seed=2)
    assert torch.equal(alex(a, b), alex(a, b))
    assert not any(module.training for module in alex.modules())


def test_loading_leaves_the_random_numbers_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    load_lpips("alex")
    assert torch.equal(torch.rand(1), expected)
