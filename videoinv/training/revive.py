"""Bring back to life what has died in a trunk while it was trained.

A trunk's batch norms keep the statistics of ImageNet (``efficientnet.py``). Weights that have moved
far from those they were made for leave channels that ReLU6 cuts off whatever the image shows, and
no gradient reaches these again. As in ReDo (Sokar et al. 2023, "The Dormant Neuron Phenomenon in
Deep Reinforcement Learning") they get the weights back that they began with and lose their outgoing
ones: the network answers as before, and can learn to use them. Only the coarsest map begins anew as
a whole, where it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.light.efficientnet import (
    EfficientNetLite0,
    InvertedResidual,
    load_imagenet,
)
from videoinv.encoders.light.network import CodesNet

ALIVE = 0.01
"""Least standard deviation, over images and places, of a channel behind ReLU6 (whose range is 6)
and of a map over images."""
LEAST_VARIANCE = 1e-4
SEEN = 48
"""Faces that are enough to tell what is dead."""


@torch.no_grad()
def dead_share(network: nn.Module, images: Tensor) -> float:
    """Part of the channels behind ReLU6 in all light trunks that are dead, 0 to 1.

    Args:
        network: of any encoder; 0 of one without light trunks.
        images: as for :func:`revive`.
    """
    trunks = [part for part in network.modules() if isinstance(part, EfficientNetLite0)]
    dead = [
        _are_dead(_behind_relu(block, x))
        for trunk in trunks
        for block, x in _blocks(trunk, images.repeat(1, trunk.channels // 3, 1, 1))
    ]
    return float(torch.cat(dead).float().mean()) if dead else 0.0


@torch.no_grad()
def revive(network: nn.Module, images: Tensor) -> int:
    """Revive all trunks that a codes head reads; returns how many channels began anew.

    Args:
        network: of a light encoder. Its answers stay, but for rounding and the borders of maps.
        images: [B, 3, S, S] in [−1, 1], some dozens of various faces. A trunk that sees
            reconstructions, too, sees each image as its own.

    Raises:
        FetchError: the published weights are neither cached nor fetched.
    """
    nets = [part for part in network.modules() if isinstance(part, CodesNet)]
    return sum(_revive(net, images.repeat(1, net.channels // 3, 1, 1)) for net in nets)


def _revive(net: CodesNet, images: Tensor) -> int:
    trunk = net.backbone
    published = EfficientNetLite0(trunk.channels, len(trunk.widths)).to(images)
    load_imagenet(published)
    anew = _silent_from(trunk, images)
    count = 0
    for index, (block, x) in enumerate(_blocks(trunk, images)):
        original = published.blocks[index]
        assert isinstance(original, InvertedResidual)
        if index == anew:
            _fall_silent(net, images)
        if index >= anew:
            count += len(block.bn1.weight)
            _begin_anew(block, original, x)
        elif block.expands:
            count += _revive_channels(block, original, x)
    return count


def _silent_from(trunk: EfficientNetLite0, images: Tensor) -> int:
    """The first block of the coarsest map, if that says the same of every image.

    Otherwise, and where there is no finer map to go on from, as many as there are blocks.
    """
    if len(trunk.ends) == 1 or trunk(images)[-1].std(dim=0).mean() >= ALIVE:
        return len(trunk.blocks)
    return trunk.ends[-2] + 1


def _blocks(trunk: EfficientNetLite0, images: Tensor) -> Iterator[tuple[InvertedResidual, Tensor]]:
    """Each block with what it sees; one that is changed in between answers as it then does."""
    x = F.relu6(trunk.bn0(trunk.conv_stem(images)))
    for block in trunk.blocks:
        assert isinstance(block, InvertedResidual)
        yield block, x
        x = block(x)


def _behind_relu(block: InvertedResidual, x: Tensor) -> Tensor:
    """What the channels between widening and narrowing say, [B, C, H, W]."""
    wide = F.relu6(block.bn0(block.expand_conv(x))) if block.expands else x
    return F.relu6(block.bn1(block.depthwise_conv(wide)))


def _are_dead(said: Tensor) -> Tensor:
    """For each channel [C] of [B, C, H, W] whether it is the same everywhere."""
    return said.std(dim=(0, 2, 3)) < ALIVE


def _revive_channels(block: InvertedResidual, original: InvertedResidual, x: Tensor) -> int:
    """Channels between widening and narrowing that are the same everywhere, whatever x is."""
    h = _behind_relu(block, x)
    dead = _are_dead(h)
    if not dead.any():
        return 0
    # What they always said goes into the mean that the next norm takes away.
    narrow = block.project_conv.weight
    block.bn2.running_mean -= narrow[:, dead, 0, 0] @ h.mean(dim=(0, 2, 3))[dead]  # type: ignore[operator]
    narrow[:, dead] = 0
    for name in ("expand_conv", "bn0", "depthwise_conv", "bn1"):
        module, begun = block.get_submodule(name), original.get_submodule(name)
        for key, parameter in module.named_parameters():
            parameter[dead] = begun.get_parameter(key)[dead]
    y = block.expand_conv(x)
    _calibrate(block.bn0, y, dead)
    _calibrate(block.bn1, block.depthwise_conv(F.relu6(block.bn0(y))), dead)
    return int(dead.sum())


def _begin_anew(block: InvertedResidual, original: InvertedResidual, x: Tensor) -> None:
    """The published weights, with the statistics of what they see here."""
    block.load_state_dict(original.state_dict())
    y = block.expand_conv(x)
    _calibrate(block.bn0, y)
    y = block.depthwise_conv(F.relu6(block.bn0(y)))
    _calibrate(block.bn1, y)
    _calibrate(block.bn2, block.project_conv(F.relu6(block.bn1(y))))


def _fall_silent(net: CodesNet, images: Tensor) -> None:
    """The head stops listening to the coarsest map, and remembers what that has always said."""
    reduce = net.codes.reduce[-1]
    assert isinstance(reduce, nn.Conv2d) and reduce.bias is not None
    constant = reduce(net.backbone(images)[-1]).mean(dim=(0, 2, 3))
    nn.init.zeros_(reduce.weight)
    reduce.bias.copy_(constant)


def _calibrate(norm: nn.BatchNorm2d, x: Tensor, chosen: Tensor | slice = slice(None)) -> None:
    """The running statistics of the chosen channels become those of x."""
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean[chosen] = x.mean(dim=(0, 2, 3))[chosen]
    norm.running_var[chosen] = x.var(dim=(0, 2, 3)).clamp(min=LEAST_VARIANCE)[chosen]
