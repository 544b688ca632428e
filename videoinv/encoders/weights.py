"""Putting named tensors into networks: prefixes, counting, and assignment without a copy."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TypeVar

import torch
from torch import Tensor, nn

from videoinv.errors import CheckpointError

Network = TypeVar("Network", bound=nn.Module)


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name[len(prefix) :]: t for name, t in state.items() if name.startswith(prefix)}


def under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors with ``prefix`` before their names."""
    return {prefix + name: tensor for name, tensor in state.items()}


def numbered(state: Mapping[str, Tensor], pattern: str, step: int = 1) -> int:
    """How many of ``pattern.format(0)``, ``pattern.format(step)``, … there are, without a gap."""
    return next(n for n in count() if pattern.format(n * step) not in state)


def assign(network: Network, state: Mapping[str, Tensor]) -> Network:
    """Make ``network``, built on the meta device, own the tensors of ``state``; frozen, eval mode.

    Tensors that the network does not have are left out, as the published loaders do: files carry
    discriminators, optimiser buffers and layers that never run.

    Raises:
        CheckpointError: if a tensor is missing or has another shape.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state and not name.endswith("_tracked")]
    if missing:
        raise CheckpointError(
            f"{len(missing)} of {len(wanted)} tensors of {type(network).__name__} are missing from "
            f"the checkpoint, the first is '{missing[0]}': it is damaged or of another system"
        )
    counters = {name: torch.zeros((), dtype=torch.long) for name in wanted if name not in state}
    chosen = {name: state[name] for name in wanted if name in state}
    for name, tensor in chosen.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"'{name}' has the shape {list(tensor.shape)}; {type(network).__name__} needs "
                f"{list(wanted[name].shape)}: the checkpoint is damaged or of another system"
            )
    network.load_state_dict(chosen | counters, assign=True)
    return network.eval().requires_grad_(False)
