"""Several processes that train one network, started by PyTorch's own ``torchrun``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Workers:
    """This process among all; alone it is number 0 of 1.

    Gradients are averaged over the processes after the last backward pass of a step, because the
    systems' several passes per step would not fit into one wrapped forward.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    """Number of this process on its machine: the GPU that it uses."""

    @classmethod
    def join(cls) -> Workers:
        """The group that ``torchrun`` describes in the environment, or this process alone."""
        if "WORLD_SIZE" not in os.environ:
            return cls()
        if not distributed.is_initialized():
            # The first optimiser brings this in. Where a group has begun before, something in it
            # keeps that alive: its threads go on after the group's end, and one that lets go of a
            # tensor while the interpreter ends aborts the process.
            importlib.import_module("torch._dynamo")
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        rank, count = distributed.get_rank(), distributed.get_world_size()
        return cls(rank, count, int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its mean over the processes; parameters without one stay so.

        All processes must have gradients of the same parameters.
        """
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to stop: all must, in the same step."""
        if self.count == 1:
            return stop
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        flag = torch.tensor(int(stop), device=device)
        distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
        return bool(flag)

    def leave(self) -> None:
        """End the group."""
        if self.count > 1:
            distributed.destroy_process_group()
