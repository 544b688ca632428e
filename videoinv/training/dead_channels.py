"""What has died in a trunk while it was trained.

A trunk's batch norms keep the statistics of ImageNet (``efficientnet.py``). Weights that have moved
far from those they were made for leave channels that ReLU6 cuts off whatever the image shows, and
no gradient reaches these again (Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep
Reinforcement Learning"). No loss tells of it; it only stops falling. The remedy is another trunk
(``transplant.py``) and a lower rate.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.light.efficientnet import EfficientNetLite0, InvertedResidual

ALIVE = 0.01
"""Least standard deviation, over images and places, of a channel behind ReLU6, whose range is 6."""
SEEN = 48
"""Faces that are enough to tell what is dead."""


@torch.no_grad()
def dead_share(network: nn.Module, images: Tensor) -> float:
    """Part of the channels behind ReLU6 in all light trunks that are dead, 0 to 1.

    Args:
        network: of any encoder; 0 of one without light trunks.
        images: [B, 3, S, S] in [−1, 1], some dozens of various faces.
    """
    trunks = [part for part in network.modules() if isinstance(part, EfficientNetLite0)]
    dead = [
        said.std(dim=(0, 2, 3)) < ALIVE for trunk in trunks for said in _behind_relu(trunk, images)
    ]
    return float(torch.cat(dead).float().mean()) if dead else 0.0


def _behind_relu(trunk: EfficientNetLite0, images: Tensor) -> Iterator[Tensor]:
    """What each block's channels between widening and narrowing say, [B, C, H, W]."""
    x = F.relu6(trunk.bn0(trunk.conv_stem(images)))
    for block in trunk.blocks:
        assert isinstance(block, InvertedResidual)
        wide = F.relu6(block.bn0(block.expand_conv(x))) if block.expands else x
        yield F.relu6(block.bn1(block.depthwise_conv(wide)))
        x = block(x)
