"""Another trunk below a trained encoder: what is read of it stays, as far as it is there."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.efficientnet import EfficientNetLite0, load_imagenet
from videoinv.encoders.light.feature_style import LightFeatureStyleNet
from videoinv.encoders.light.hyperinverter import LightHyperNet
from videoinv.encoders.light.network import CodesNet, LightSize
from videoinv.errors import BadInputError
from videoinv.training.transplant import transplant

SIZE = LightSize(64, HeadSize((8, 8, 8, 8), 16, 24), feature_width=16)


@pytest.fixture
def batches():
    noise = torch.randn(24, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return torch.tanh(F.interpolate(noise, size=64, mode="bicubic")).split(8)


def trunk(levels=4):
    made = EfficientNetLite0(levels).requires_grad_(False)
    load_imagenet(made)
    return made


def codes_net(levels=4):
    torch.manual_seed(0)
    net = CodesNet((2, 3), replace(SIZE, levels=levels)).requires_grad_(False)
    load_imagenet(net.backbone)
    return net


def test_the_same_trunk_changes_nothing(batches):
    net = codes_net()
    before = net(batches[0])
    assert transplant(net, trunk(), batches) == [pytest.approx(1, abs=1e-3)]
    assert (net(batches[0]) - before).abs().max() < 0.02 * before.std()


def test_maps_that_are_named_and_scaled_otherwise_are_read_alike(batches):
    net, donor = codes_net(levels=1), trunk(levels=1)
    order = torch.randperm(len(donor.blocks[-1].bn2.weight))
    norm = donor.blocks[-1].bn2
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        tensor.copy_(tensor[order])
    weight = donor.blocks[-1].project_conv.weight
    weight.copy_(weight[order])
    # The identity that is added is in another order, too.
    donor.blocks[-1].adds = net.backbone.blocks[-1].adds = False
    norm.weight.mul_(3)
    before = net(batches[0])
    assert transplant(net, donor, batches) == [pytest.approx(1, abs=1e-3)]
    assert torch.equal(net.backbone.blocks[-1].bn2.weight, norm.weight)
    assert (net(batches[0]) - before).abs().max() < 0.02 * before.std()


def test_what_a_dead_trunk_said_is_kept_as_a_constant(batches):
    net = codes_net()
    for block in net.backbone.blocks:
        block.bn1.bias.fill_(-1e3)
    before = net(batches[0])
    transplant(net, trunk(), batches)
    assert (net(batches[0]) - before).abs().max() < 1e-4


def test_a_feature_branch_reads_the_sum(batches):
    torch.manual_seed(0)
    net = LightFeatureStyleNet((2, 3), SIZE, (8, 16, 16)).requires_grad_(False)
    load_imagenet(net.backbone)
    own = torch.randn(8, 8, 16, 16)
    before = net.features(batches[0], net.backbone(batches[0]), own)
    found = transplant(net, trunk(), batches)
    assert found == [pytest.approx(1, abs=2e-3)] * 2
    after = net.features(batches[0], net.backbone(batches[0]), own)
    assert (after - before).abs().max() < 0.1 * before.std()
    assert sum(bool(layer.bias.any()) for layer in net.features.maps) == 1


def test_both_trunks_of_a_hyperinverter_are_replaced(batches):
    torch.manual_seed(0)
    net = LightHyperNet({"blocks.0.conv1.weight": (4, 4)}, SIZE).requires_grad_(False)
    donor = trunk()
    assert len(transplant(net, donor, batches)) == 2
    for own in (net.w_encoder.backbone, net.w_bar_encoder):
        assert torch.equal(own.conv_stem.weight, donor.conv_stem.weight)


def test_a_trunk_that_cannot_stand_in_is_refused_and_nothing_is_changed(batches):
    net = codes_net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(BadInputError, match="has 3 maps; this encoder has none"):
        transplant(net, trunk(levels=3), batches)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
