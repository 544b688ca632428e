"""Begin where another encoder ended: trunks and codes heads are alike in all light systems."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from videoinv.encoders.light.codes_head import CodesHead
from videoinv.encoders.light.efficientnet import EfficientNetLite0

M = TypeVar("M", bound=nn.Module)
STEM = "conv_stem.weight"
IMAGE = 3
"""Channels of the image, the first ones of every stem."""


@torch.no_grad()
def start_from(network: nn.Module, trained: nn.Module) -> int:
    """Copy what a trained encoder can give to another one, and count the tensors.

    From an encoder of the same system that is everything which fits by name and shape; from one
    of another system its trunk and codes head, for all of the network's. What the new one has
    beyond that stays as it was, and so does a tensor of another shape. A stem for other inputs
    takes the image's channels, and begins with none of a reconstruction's.
    """
    # Every light system has a class of networks of its own.
    if type(network) is type(trained):
        return _copy(network, trained.state_dict())
    trunk, head = (_first(trained, kind).state_dict() for kind in (EfficientNetLite0, CodesHead))
    copied = 0
    for module in network.modules():
        if isinstance(module, EfficientNetLite0):
            copied += _copy(module, trunk)
        elif isinstance(module, CodesHead):
            copied += _copy(module, head)
    return copied


def _first(network: nn.Module, kind: type[M]) -> M:
    return next(module for module in network.modules() if isinstance(module, kind))


def _copy(module: nn.Module, tensors: dict[str, Tensor]) -> int:
    own = module.state_dict()
    fitting = {}
    for name in own.keys() & tensors.keys():
        tensor = _stem(tensors[name], own[name]) if name.endswith(STEM) else tensors[name]
        if tensor.shape == own[name].shape:
            fitting[name] = tensor
    module.load_state_dict(own | fitting)
    return len(fitting)


def _stem(weight: Tensor, own: Tensor) -> Tensor:
    """A stem's weight [O, I, 3, 3] for as many input channels as ``own`` has."""
    if weight.shape[1] == own.shape[1]:
        return weight
    stem = weight.new_zeros(len(weight), own.shape[1], *weight.shape[2:])
    stem[:, :IMAGE] = weight[:, :IMAGE]
    return stem
