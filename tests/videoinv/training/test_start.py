"""Beginning with another encoder's trunk and head."""

from dataclasses import replace

import torch
from torch import nn

from videoinv.encoders.light.feature_style import LightFeatureStyleNet
from videoinv.encoders.light.network import CodesNet, LightSize
from videoinv.training.start import start_from

GROUPS = (4, 3)


def test_every_stage_begins_as_another_systems_encoder():
    torch.manual_seed(0)
    trained = CodesNet(GROUPS, LightSize())
    network = nn.ModuleList([CodesNet(GROUPS, LightSize()) for _ in range(2)])
    assert start_from(network, trained) == 2 * len(trained.state_dict())
    image = torch.randn(1, 3, 64, 64)
    for stage in network:
        assert torch.allclose(stage(image), trained(image), atol=1e-6)


def test_what_does_not_fit_stays():
    torch.manual_seed(0)
    trained = CodesNet(GROUPS, LightSize())
    network = nn.ModuleList([CodesNet((1,), LightSize(levels=3))])
    before = network[0].codes.rows[0].weight.clone()
    assert start_from(network, trained) > 0
    assert torch.equal(network[0].codes.rows[0].weight, before)
    stem = network[0].backbone.conv_stem.weight
    assert torch.equal(stem, trained.backbone.conv_stem.weight)


def test_an_encoder_of_the_same_system_is_copied_whole():
    torch.manual_seed(0)
    first, second = (
        nn.ModuleList([CodesNet((2,), LightSize(levels=2)) for _ in range(2)]) for _ in range(2)
    )
    assert start_from(second, first) == len(first.state_dict())
    states = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)


def test_of_an_encoder_of_the_same_system_only_another_shape_is_left_out():
    torch.manual_seed(0)
    size = LightSize(feature_width=8)
    trained = LightFeatureStyleNet(GROUPS, replace(size, looks=2), (8, 32, 32))
    nn.init.ones_(trained.next_look.last.weight)
    network = LightFeatureStyleNet((4, 5), replace(size, looks=3), (8, 32, 32))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    copied = start_from(network, trained)
    fits = {n for n, t in trained.state_dict().items() if t.shape == before[n].shape}
    assert copied == len(fits) < len(before)
    assert any(name.startswith("next_look.") for name in fits)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, trained.state_dict()[name] if name in fits else before[name])


def test_an_encoder_that_has_more_takes_all_of_one_that_has_less():
    torch.manual_seed(0)
    size = LightSize(feature_width=8)
    less, more = (LightFeatureStyleNet(GROUPS, replace(size, looks=n), (8, 32, 32)) for n in (1, 2))
    nn.init.ones_(less.features.last.weight)
    assert start_from(more, less) == len(less.state_dict())
    assert all(torch.equal(more.state_dict()[name], t) for name, t in less.state_dict().items())
