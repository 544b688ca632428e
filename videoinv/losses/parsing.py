"""The multi-layer face parsing loss, with whatever parsing network the user has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from videoinv.errors import CheckpointError
from videoinv.losses.cosine import layered_distance

ParsingNetwork = Callable[[Tensor], Sequence[Tensor]]
"""Images [B, 3, H, W] in [−1, 1] → the features of its levels, each [B, C, h, w]."""


class ParsingLoss:
    """L_parse = Σ_{i=1}^{5} (1 − ⟨P_i(x̃), P_i(x)⟩)  (E2Style §III-C; Eq. 7 of Feature-Style).

    No parsing network may be passed on with this project, so without one of the user's own the
    loss is off: it is zero everywhere and ``status`` says why.

    Args:
        network: P, or ``None``.
    """

    def __init__(self, network: ParsingNetwork | None = None) -> None:
        self._network = network

    @property
    def active(self) -> bool:
        """Whether there is a network."""
        return self._network is not None

    @property
    def status(self) -> str:
        """One line for the log."""
        if self.active:
            return "parsing loss: on"
        return "parsing loss: off, no parsing network was given (--parsing FILE, TorchScript)"

    def target(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels of images [B, 3, H, W]; none when off."""
        return () if self._network is None else tuple(self._network(images))

    def distance(self, images: Tensor, target: tuple[Tensor, ...]) -> Tensor:
        """The loss of each image against the ``target`` of its source: [B]; zeros when off."""
        if not self.active:
            return torch.zeros(len(images), device=images.device)
        return layered_distance(self.target(images), target)


def load_parsing(path: Path, device: torch.device | str = "cpu") -> ParsingNetwork:
    """A parsing network from a TorchScript file, frozen.

    It must take images [B, 3, 256, 256] in [−1, 1] and return a list or tuple of its levels.

    Raises:
        CheckpointError: if the file cannot be read as TorchScript.
    """
    try:
        network = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no TorchScript file ({str(error).splitlines()[0]}): save the network with "
            "torch.jit.script or torch.jit.trace"
        ) from error
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()  # type: ignore[no-any-return]
