"""What stands still while another part of a network learns."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from videoinv.encoders.e2style import E2Style
from videoinv.encoders.images import Framing
from videoinv.encoders.light.hyperinverter import LightHyperInverter
from videoinv.encoders.restyle import ReStyle
from videoinv.training.data import Batch
from videoinv.training.recipes import find_recipe
from videoinv.training.systems import system_around
from videoinv.training.systems.shared import frozen

SIDE = 64


class Normed(nn.Module):
    """A batch norm of the image, as the papers' networks have them, and codes [B, L, 512]."""

    def __init__(self, channels, rows):
        super().__init__()
        self.channels, self.rows = channels, rows
        self.norm = nn.BatchNorm2d(channels)
        self.codes = nn.Linear(channels, rows * 512)

    def forward(self, images):
        power = self.norm(images).square().mean(dim=(2, 3))
        return 0.01 * self.codes(power).unflatten(1, (self.rows, 512))


class Phases(nn.Module):
    """Phase I as above; phase II looks and changes nothing."""

    def __init__(self, rows):
        super().__init__()
        self.w_encoder = Normed(3, rows)
        self.w_bar_encoder = nn.BatchNorm2d(3)

    def weight_offsets(self, image, synthesized):
        self.w_bar_encoder(image - synthesized)
        return {}


def e2style(generator):
    net = nn.ModuleList([Normed(3, generator.styles), Normed(6, generator.styles)])
    encoder = E2Style(net, generator, generator.mean_codes, Framing(SIDE, SIDE))
    return encoder, net[0].norm, net[1].norm


def hyperinverter(generator):
    net = Phases(generator.styles)
    encoder = LightHyperInverter(net, generator, generator.mean_codes, SIDE)
    return encoder, net.w_encoder.norm, net.w_bar_encoder


def pictures():
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch(images, images, images[:0])


@pytest.mark.parametrize("build", [e2style, hyperinverter])
def test_a_part_that_is_done_keeps_its_statistics_and_uses_them(build, generator):
    encoder, done, learning = build(generator)
    encoder.net.train()
    recipe = replace(find_recipe(build.__name__), stage_steps=1, small_side=SIDE)
    before = [buffer.clone() for buffer in done.buffers()]
    used = []
    done.register_forward_hook(lambda norm, inputs, output: used.append((inputs[0], output)))
    list(system_around(encoder, recipe).inversions(pictures(), 1))
    assert all(torch.equal(b, now) for b, now in zip(before, done.buffers(), strict=True))
    ((given, made),) = used
    torch.testing.assert_close(made, given, atol=1e-3, rtol=1e-3)  # as by the initial statistics
    assert learning.num_batches_tracked == 1
    assert done.training


def test_steps_that_come_first_leave_restyles_statistics_alone(generator):
    torch.manual_seed(0)
    net = Normed(6, generator.styles).train()
    encoder = ReStyle(net, generator, generator.mean_codes, Framing(SIDE, SIDE))
    recipe = replace(find_recipe("restyle"), restyle_before=1, restyle_steps=1, small_side=SIDE)
    looks = []
    net.register_forward_hook(lambda *_: looks.append(net.training))
    for _ in range(8):
        list(system_around(encoder, recipe).inversions(pictures(), 1))
    assert looks.count(True) == net.norm.num_batches_tracked == 8
    assert looks.count(False) > 0


def test_what_was_frozen_is_as_it_was_afterwards():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5).eval(), nn.Conv2d(3, 3, 1))
    with pytest.raises(ZeroDivisionError), frozen(network):
        assert not any(part.training for part in network.modules())
        assert not network(torch.zeros(2, 3, 4, 4)).requires_grad
        raise ZeroDivisionError
    assert [part.training for part in network.modules()] == [True, True, False, True]
    assert network(torch.zeros(2, 3, 4, 4)).requires_grad


def test_a_network_that_was_frozen_learns_in_the_same_autocast_block():
    """Nothing that was rounded without gradients is used again: neither in their place, which
    torch does up to 2.9, nor for weights that have moved.
    """
    network, images = nn.Linear(8, 8), torch.ones(2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        with frozen(network):
            before = network(images)
        with torch.no_grad():
            network.weight.add_(1)
        with frozen(network):
            assert (network(images) > before + 7).all()
        network(images).sum().backward()
    assert network.weight.grad.abs().sum() > 0
