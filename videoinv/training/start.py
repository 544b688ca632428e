"""Begin where another encoder ended: light systems share trunks, codes heads, what these hear."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from videoinv.encoders.light.codes_head import CodesHead, joined_steps
from videoinv.encoders.light.efficientnet import EfficientNetLite0
from videoinv.encoders.light.expression import Expression
from videoinv.encoders.light.network import CodesNet
from videoinv.training.narrow import fits_into, narrow

SHARED = (EfficientNetLite0, CodesHead, Expression)


@torch.no_grad()
def start_from(network: nn.Module, trained: nn.Module) -> int:
    """Copy what a trained encoder can give to another one, and count the tensors.

    From an encoder of the same system that is everything which fits by name and shape; from one
    of another system its trunk, its codes head and the components in which that is told what a
    face does, for all of the network's. What the new one has beyond that stays as it was, and so
    does a tensor of another shape and a head of another size (:func:`begin_smaller`).
    """
    # Every light system has a class of networks of its own.
    if type(network) is type(trained):
        return _copy(network, trained.state_dict())
    given = [_first(trained, kind) for kind in SHARED]
    return sum(
        _copy(module, own.state_dict())
        for module in network.modules()
        for own in given
        if own is not None
        and type(module) is type(own)
        and (not isinstance(module, CodesHead) or _is_alike(module, own))
    )


@torch.no_grad()
def begin_smaller(
    network: nn.Module, trained: nn.Module, faces: Callable[[], Iterable[Tensor]]
) -> int:
    """Let smaller codes heads begin as nearly as they can where another system's has ended.

    Args:
        network: has that encoder's trunk already.
        trained: its network.
        faces: batches [B, 3, S, S] in [−1, 1]; asked for only if they are needed.

    Returns:
        how many heads there were.
    """
    source = _first(trained, CodesNet)
    if type(network) is type(trained) or not isinstance(source, CodesNet):
        return 0
    smaller = [
        part.codes
        for part in network.modules()
        if isinstance(part, CodesNet)
        and not _is_alike(part.codes, source.codes)
        and fits_into(part.codes, source.codes)
    ]
    if smaller:
        said = joined_steps([source.steps(batch) for batch in faces()])
        for head in smaller:
            narrow(head, source.codes, said)
    return len(smaller)


def _is_alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether all tensors have the same names and shapes."""
    shapes = [{name: t.shape for name, t in each.state_dict().items()} for each in (one, other)]
    return shapes[0] == shapes[1]


def _first(network: nn.Module, kind: type[nn.Module]) -> nn.Module | None:
    return next((module for module in network.modules() if isinstance(module, kind)), None)


def _copy(module: nn.Module, tensors: dict[str, Tensor]) -> int:
    own = module.state_dict()
    fitting = {
        name: tensor
        for name, tensor in tensors.items()
        if name in own and tensor.shape == own[name].shape
    }
    module.load_state_dict(own | fitting)
    return len(fitting)
