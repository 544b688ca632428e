"""A discriminator that is trained beside the encoder, on codes or on images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from videoinv.losses.adversarial import discriminator_term, generator_term, r1_penalty
from videoinv.training.recipes import Optimisation
from videoinv.training.workers import Workers


class Adversary:
    """D with its optimiser; R1 every few steps, multiplied by them (StyleGAN2's lazy form).

    Args:
        network: D; the same weights in every process.
        how: its rate and R1.
        workers: this process among those that train together.
    """

    def __init__(
        self, network: nn.Module, how: Optimisation, workers: Workers | None = None
    ) -> None:
        self.network, self._workers = network, workers or Workers()
        self._rate = how.adversary_rate
        self._optimiser = torch.optim.Adam(network.parameters(), how.adversary_rate)
        self._r1, self._every = how.r1, how.r1_every

    def term(self, fake: Tensor) -> Tensor:
        """What the encoder minimises; the discriminator itself is left alone."""
        self.network.requires_grad_(False)
        return generator_term(self.network(fake))

    def update(self, real: Tensor, fake: Tensor, step: int) -> float:
        """One step of the discriminator; returns its loss."""
        self.network.requires_grad_(True)
        self._optimiser.zero_grad(set_to_none=True)
        loss = discriminator_term(self.network(real.detach()), self.network(fake.detach()))
        value = float(loss.detach())
        if self._r1 and step % self._every == 0:
            loss = loss + self._r1 * self._every * r1_penalty(self.network, real)
        loss.backward()  # type: ignore[no-untyped-call]
        self._workers.average_gradients(self.network.parameters())
        self._optimiser.step()
        # The next update in the same autocast block would see the weights of before, rounded.
        torch.clear_autocast_cache()
        return value

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint; the rate stays the recipe's, which may be another one by now."""
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate
