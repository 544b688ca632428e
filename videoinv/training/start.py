"""Begin where another encoder ended: trunks and codes heads are alike in all light systems."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from videoinv.encoders.light.codes_head import CodesHead
from videoinv.encoders.light.efficientnet import EfficientNetLite0

M = TypeVar("M", bound=nn.Module)
STEM = "conv_stem.weight"


@torch.no_grad()
def start_from(network: nn.Module, trained: nn.Module) -> int:
    """Copy a trained encoder's trunk and codes head into all of a network's; count the tensors.

    An encoder of the same system is copied whole; what the new one has beyond it stays as it was,
    and so does a tensor of another shape. A stem that also sees a reconstruction takes the image's
    channels and begins with none of the reconstruction's.
    """
    if _shapes(trained).items() <= _shapes(network).items():
        return _copy(network, trained.state_dict())
    trunk, head = (_first(trained, kind).state_dict() for kind in (EfficientNetLite0, CodesHead))
    copied = 0
    for module in network.modules():
        if isinstance(module, EfficientNetLite0):
            copied += _copy(module, trunk | {STEM: _stem(trunk[STEM], module.channels)})
        elif isinstance(module, CodesHead):
            copied += _copy(module, head)
    return copied


def _first(network: nn.Module, kind: type[M]) -> M:
    return next(module for module in network.modules() if isinstance(module, kind))


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def _stem(weight: Tensor, channels: int) -> Tensor:
    stem = weight.new_zeros(len(weight), channels, *weight.shape[2:])
    stem[:, : weight.shape[1]] = weight
    return stem


def _copy(module: nn.Module, tensors: dict[str, Tensor]) -> int:
    own = module.state_dict()
    fitting = {name: t for name, t in tensors.items() if name in own and own[name].shape == t.shape}
    module.load_state_dict(own | fitting)
    return len(fitting)
