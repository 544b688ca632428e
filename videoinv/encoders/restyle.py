"""ReStyle: the residual of the codes, again and again (Alaluf et al. 2021).

Each step sees the image beside the current reconstruction (six channels) and predicts what to add
to the codes: Δ_t = E(x, ŷ_t), w_{t+1} = w_t + Δ_t, ŷ_{t+1} = G(w_{t+1})  (§3.1, Eqs. 2–4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from videoinv.encoders.heads import StyleEncoder
from videoinv.encoders.images import SQUARE_256, Framing, check_images
from videoinv.encoders.stepwise import Stepwise
from videoinv.encoders.warm_start import starting_codes
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

Step = Callable[[Tensor, Tensor], Tensor]
"""(ŷ_t, w_t) → w_{t+1} of all images; one ŷ_t may stand for all of them."""


@dataclass(frozen=True)
class ReStyle(Stepwise):
    """ReStyle over pSp, or over e4e when ``net`` is a ``ProgressiveStyleEncoder``."""

    net: StyleEncoder
    generator: Generator
    mean_codes: Tensor
    """w_0: [L, 512]."""
    framing: Framing = SQUARE_256

    default_steps: ClassVar[int] = 5
    warm_steps: ClassVar[int] = 5
    """As many from a start."""

    @property
    def input_size(self) -> int:
        """Width in pixels at which the encoder looks at an image."""
        return self.framing.width

    @cached_property
    def average_image(self) -> Tensor:
        """ŷ_0 = G(w̄): [1, 3, height, width], rendered once."""
        return self.seen(self.mean_codes[None])

    @torch.no_grad()
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after every step.

        Args:
            images: [B, 3, H, W] in [−1, 1].
            start: begin from these codes and their re-synthesised image in place of the mean;
                of B images, or of one for all. This is what warm start in video is.
            steps: how many; by default ``default_steps``, 5 as in the paper, or ``warm_steps``.

        Raises:
            BadInputError: if ``steps`` is below 1 or ``images`` are not RGB batches.
        """
        if steps is None:
            steps = self.default_steps if start is None else self.warm_steps
        if steps < 1:
            raise BadInputError(f"ReStyle takes at least 1 step; got {steps}")
        check_images(images, 3)
        x = self.framing.fit(images.to(self.mean_codes))
        codes, y = self._begin(len(x), start)
        step = self.stepper(x)
        latents: list[Latent] = []
        for _ in range(steps):
            if latents:
                y = self.seen(codes)
            codes = step(y, codes)
            latents.append(Latent(codes))
        return latents

    def stepper(self, x: Tensor) -> Step:
        """The step w_{t+1} = w_t + E(x, ŷ_t) towards images x at the encoder's size.

        With gradients: training runs the same line.
        """

        def step(y: Tensor, codes: Tensor) -> Tensor:
            residual: Tensor = self.net(torch.cat([x, y.expand_as(x)], dim=1))
            return codes + residual

        return step

    def render(self, codes: Tensor) -> Tensor:
        """ŷ = G(w), box-averaged to the frame; neither clamped nor quantised, as in training."""
        return self.framing.pool(self.generator.synthesize(Latent(codes)))

    def seen(self, codes: Tensor) -> Tensor:
        """What the next step sees of them: ŷ."""
        return self.render(codes)

    def _begin(self, count: int, start: Latent | None) -> tuple[Tensor, Tensor]:
        """w_0 for every image, and ŷ_0, once where it is the same for all."""
        if start is None:
            codes, y = self.mean_codes.expand(count, -1, -1), self.average_image
        else:
            codes = starting_codes(start, count, self.mean_codes)
            y = self.seen(codes[: len(start)])
        return codes, y
