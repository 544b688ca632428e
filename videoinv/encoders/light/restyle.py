"""ReStyle on a light trunk (Alaluf et al. 2021), one network reading the image and ŷ alike."""

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
    """w_{t+1} = w̄ + ½(w_t − w̄) + E(x) − ½E(ŷ_t), ŷ_t being the generator's reduced image of w_t.

    The paper's E(x, ŷ) sees both at once and has to learn what a difference is. Here one network
    reads either: what it reads off ŷ beside w_t, which it should have read, tells how far it is
    mistaken about such a face, and the codes of x are moved by half of that. An encoder that has
    only learnt to read images gains by it, and a step costs no second look at x.

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
        net = CodesNet(row_groups(generator), size, device).to(device)
        framing = Framing(size.side, size.side)
        return cls(net, generator, generator.mean_codes.float(), framing)

    def start_training(self) -> None:
        """ImageNet weights and the generator's W."""
        start_training(self.net, self.generator)

    def stepper(self, x: Tensor) -> Step:
        """One step, with gradients where they are wanted; from the mean it is the paper's."""
        told = self.net.tell(x)
        # Gradients go back through a reading once: a step that is to have them reads x anew.
        read: Tensor | None = None if torch.is_grad_enabled() else self.net(x, told)

        def step(y: Tensor, codes: Tensor) -> Tensor:
            target: Tensor = self.net(x, told) if read is None else read
            misread: Tensor = codes - self.mean_codes - self.net(y)
            return self.mean_codes + target + (1 - FORGETS) * misread

        return step

    def render(self, codes: Tensor) -> Tensor:
        """G(w) at the encoder's side, by the generator's cheapest pass; not clamped."""
        return self.generator.synthesize(Latent(codes), self.input_size)

    def seen(self, codes: Tensor) -> Tensor:
        """ŷ from half the side, clamped as a picture is.

        Codes far from any face would otherwise lead the next step further away.
        """
        return render_smaller(self.generator, codes, self.input_size).clamp(-1, 1)
