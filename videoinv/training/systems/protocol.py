"""What the training loop knows of a system, and what a system hands to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from videoinv.latents import Latent
from videoinv.training.data import Batch
from videoinv.training.recipes import Recipe

Role = Literal["codes", "result", "edited"]
Teacher = Callable[[Tensor], Tensor]
"""A trained encoder's codes [B, L, 512] of images [B, 3, S, S]."""


@dataclass(frozen=True)
class Inversion:
    """One image that the system makes of its input."""

    latent: Latent
    image: Tensor
    """[B, 3, side, side]"""
    role: Role
    """``codes``: by the codes alone, where the system has more; ``result``: with all it has;
    ``edited``: with all it has and changed codes."""
    wanted: Tensor | None = None
    """[N, 3, side, side]: what it has to show, where that is not the batch's own images."""


class System(Protocol):
    """An encoder as the training loop sees it."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""

    @property
    def encoder(self) -> Any:
        """The encoder, a frozen dataclass whose ``net`` is :attr:`network`."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def codes(self, inputs: Tensor) -> Tensor:
        """The codes [B, L, 512] of a first look, with gradients: all that regression can teach."""

    def render(self, latent: Latent) -> Tensor:
        """Images at the encoder's size, made as the encoder makes them."""

    def inversions(self, batch: Batch, step: int) -> Iterator[list[Inversion]]:
        """Groups of inversions; the gradients of each are taken before the next is made."""
