"""Dead channels of a trunk are counted."""

import pytest
import torch
from torch.nn import functional as F

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.efficientnet import load_imagenet
from videoinv.encoders.light.network import CodesNet, LightSize
from videoinv.training.dead_channels import dead_share

SIZE = LightSize(64, HeadSize((8, 8, 8, 8), 16, 24))


@pytest.mark.parametrize("always", [-1e3, 1e3])  # always 6 is no less dead
def test_a_channel_that_says_the_same_of_every_image_is_dead(always):
    noise = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    images = torch.tanh(F.interpolate(noise, size=64, mode="bicubic"))
    torch.manual_seed(0)
    net = CodesNet((2, 3), SIZE).requires_grad_(False)
    load_imagenet(net.backbone)
    assert dead_share(net, images) < 0.5  # these images are no photographs
    for block in net.backbone.blocks:
        block.bn1.bias[: len(block.bn1.bias) // 2] = always
    assert 0.5 <= dead_share(net, images) < 1
    for block in net.backbone.blocks:
        block.bn1.bias.fill_(always)
    assert dead_share(net, images) == 1


def test_a_network_without_light_trunks_has_none():
    assert dead_share(torch.nn.Linear(2, 2), torch.zeros(2, 3, 64, 64)) == 0
