"""Ranger, and the moving average of weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

from videoinv.encoders.light.efficientnet import EfficientNetLite0
from videoinv.training.recipes import Optimisation


class Ranger(torch.optim.RAdam):
    """RAdam (Liu et al. 2020) with Lookahead (Zhang et al. 2019).

    Every ``every`` steps the slow weights go the part ``alpha`` of the way to the fast ones, which
    then go on from there. The slow weights are part of the state, so a run resumes exactly.
    """

    def __init__(
        self,
        parameters: ParamsT,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.999),
        every: int = 6,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=1e-5)
        self._every, self._alpha = every, alpha

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step of RAdam, and of Lookahead when it is due."""
        moving = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        for parameter in moving:
            if "slow" not in self.state[parameter]:
                self._begin(parameter)
        loss = super().step(closure)
        for parameter in moving:
            state = self.state[parameter]
            if int(state["step"]) % self._every == 0:
                parameter.copy_(state["slow"].lerp_(parameter, self._alpha))
        return loss

    def _begin(self, parameter: Tensor) -> None:
        """RAdam takes a parameter as known once it has any state, so all of it is made here."""
        self.state[parameter] = {
            "step": torch.tensor(0.0),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
            "slow": parameter.clone(),
        }


def trunk_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters of all light trunks in a network."""
    trunks = (part for part in network.modules() if isinstance(part, EfficientNetLite0))
    return [parameter for trunk in trunks for parameter in trunk.parameters()]


def make_optimiser(network: nn.Module, how: Optimisation) -> torch.optim.Optimizer:
    """The optimiser of a recipe; it has two groups of parameters, the second one the trunks'."""
    trunk = trunk_parameters(network)
    apart = set(map(id, trunk))
    rest = [parameter for parameter in network.parameters() if id(parameter) not in apart]
    kind = Ranger if how.optimiser == "ranger" else torch.optim.Adam
    return kind([{"params": rest}, {"params": trunk}], how.rate)


def set_rates(optimiser: torch.optim.Optimizer, rate: float, how: Optimisation) -> None:
    """A learning rate for what :func:`make_optimiser` made, the trunks' part of it for theirs."""
    heads, trunks = optimiser.param_groups
    heads["lr"], trunks["lr"] = rate, rate * how.trunk


def rate_at(step: int, how: Optimisation, begun: int = 0) -> float:
    """The learning rate of a step: rising from step ``begun`` on, a tenth after the drop."""
    rise = min(1.0, (step - begun + 1) / how.warmup) if how.warmup else 1.0
    fall = 0.1 if how.drop_after and step >= how.drop_after else 1.0
    return how.rate * rise * fall


class Average:
    """Exponential moving average of a network's weights.

    The decay is smaller at first, (1 + t) / (10 + t), so that the beginning is forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step; buffers are copied.

        Among them are the running statistics of batch norms, which are averages already.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        for mean, now in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)
        for kept, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(buffer)
