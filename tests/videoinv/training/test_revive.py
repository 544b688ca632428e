"""Dead channels of a trunk: found, brought back, and nothing of what the network says is lost."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.efficientnet import load_imagenet
from videoinv.encoders.light.network import CodesNet, LightSize
from videoinv.training.revive import ALIVE, dead_share, revive

SIZE = LightSize(64, HeadSize((8, 8, 8, 8), 16, 24))


@pytest.fixture
def images():
    noise = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return torch.tanh(F.interpolate(noise, size=64, mode="bicubic"))


def network(channels=3, levels=4):
    torch.manual_seed(0)
    net = CodesNet((2, 3), replace(SIZE, levels=levels), channels)
    load_imagenet(net.backbone)
    return net.requires_grad_(False)


def behind_relu(block, trunk, images):
    """What the channels between widening and narrowing say, [B, C, H, W]."""
    seen = []
    hook = block.bn1.register_forward_hook(lambda *of: seen.append(F.relu6(of[-1])))
    trunk(images)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("channels", [3, 6])
def test_dead_channels_live_again_and_the_answer_stays(channels, images):
    net = network(channels)
    block = net.backbone.blocks[6]
    block.bn1.bias[:40] = -1e3
    block.bn1.bias[40:60] = 1e3  # always 6 is no less dead
    inputs = images.repeat(1, channels // 3, 1, 1)
    before = net(inputs)
    assert (behind_relu(block, net.backbone, inputs).std(dim=(0, 2, 3))[:60] < ALIVE).all()
    dead = dead_share(net, images)
    assert revive(net, images) >= 60
    assert dead_share(net, images) < dead
    alive = behind_relu(block, net.backbone, inputs).std(dim=(0, 2, 3))[:60] > ALIVE
    assert alive.float().mean() > 0.9
    assert (net(inputs) - before).abs().max() < 0.02 * before.std()


def test_a_level_that_said_nothing_begins_anew_and_is_learnt_from(images):
    net = network()
    nn.init.zeros_(net.backbone.blocks[-1].bn2.weight)
    assert net.backbone(images)[-1].std(dim=0).max() == 0
    before = net(images)
    revive(net, images)
    assert net.backbone(images)[-1].std(dim=0).mean() > 0.5
    assert (net(images) - before).abs().max() < 0.02 * before.std()
    net.requires_grad_(True)
    net(images).square().sum().backward()
    assert net.codes.reduce[-1].weight.grad.abs().max() > 0


def test_a_trunk_with_one_level_is_revived_channel_by_channel(images):
    net = network(levels=1)
    begun = dead_share(net, images)
    for block in net.backbone.blocks[1:]:
        half = len(block.bn1.bias) // 2
        block.bn1.bias[:half] = -1e3
    assert dead_share(net, images) > 0.4
    before = net(images)
    revive(net, images)
    assert dead_share(net, images) <= begun
    assert (net(images) - before).abs().max() < 0.02 * before.std()


def test_the_share_of_dead_channels_counts_all_trunks(images):
    net = nn.ModuleList([network(), network(6)])
    alive = dead_share(net[0], images)
    assert alive < 0.5
    for block in net[1].backbone.blocks:
        block.bn1.bias.fill_(-1e3)
    assert dead_share(net, images) == pytest.approx((alive + 1) / 2)
    assert dead_share(nn.Linear(1, 1), images) == 0
