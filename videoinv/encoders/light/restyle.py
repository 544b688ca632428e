"""ReStyle on a light trunk (Alaluf et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from videoinv.encoders.images import Framing
from videoinv.encoders.light.network import (
    CodesNet,
    LightSize,
    render_smaller,
    row_groups,
    start_training,
)
from videoinv.encoders.restyle import ReStyle, Step
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

FORGETS = 0.5
"""Part of the codes' distance to the mean that each step drops and has to find again."""


@dataclass(frozen=True)
class LightReStyle(ReStyle):
    """w_{t+1} = w̄ + ½(w_t − w̄) + E(x, G(w_t)), with the generator's reduced image fed back.

    The paper's sum forgets nothing. What an image does not show, no later step can correct, so
    over the frames of a video it adds up: without the ½ an encoder that had improved for five
    steps was worse than its first one after ten.
    """

    net: CodesNet  # type: ignore[assignment]  # the same system on another network

    default_steps: ClassVar[int] = 3
    warm_steps: ClassVar[int] = 1

    @classmethod
    def build(cls, generator: Generator, size: LightSize) -> LightReStyle:
        """The encoder for a generator, its weights still random."""
        device = generator.device
        net = CodesNet(row_groups(generator), size, channels=6, device=device).to(device)
        framing = Framing(size.side, size.side)
        return cls(net, generator, generator.mean_codes.float(), framing)

    def start_training(self) -> None:
        """ImageNet weights and the generator's W."""
        start_training(self.net, self.generator)

    def stepper(self, x: Tensor) -> Step:
        """One step with gradients; from the mean it is the paper's."""
        told = self.net.tell(x)

        def step(y: Tensor, codes: Tensor) -> Tensor:
            residual: Tensor = self.net(torch.cat([x, y], dim=1), told)
            return torch.lerp(codes, self.mean_codes, FORGETS) + residual

        return step

    def render(self, codes: Tensor) -> Tensor:
        """G(w) at the encoder's side, by the generator's cheapest pass; not clamped."""
        return self.generator.synthesize(Latent(codes), self.input_size)

    def seen(self, codes: Tensor) -> Tensor:
        """ŷ from half the side, clamped as a picture is.

        Codes far from any face would otherwise lead the next step further away.
        """
        return render_smaller(self.generator, codes, self.input_size).clamp(-1, 1)
