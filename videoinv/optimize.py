"""Inversion by optimisation: the baseline of all four papers, and the upper bound of quality.

Free are the rows of the codes and, once they have settled, an additive feature tensor ΔF at one
layer, so that F = G(w^{1:K}) + ΔF in the terms of the Feature-Style paper and edits of the codes
follow its Eq. (1) by themselves. Over a clip each chunk starts from the latent before it and
needs a fraction of the steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from videoinv.encoders.images import check_images
from videoinv.encoders.warm_start import starting_codes
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent
from videoinv.losses.lpips import Lpips


@dataclass(frozen=True)
class OptimizeSettings:
    """Budgets and weights; the losses are means over pixels of images in [−1, 1]."""

    first_steps: int = 60
    """Steps of a cold start, from the mean codes."""
    later_steps: int = 6
    """Steps of a warm start, from another frame's latent."""
    rows_only: float = 0.6
    """Share of a cold start in which ΔF stays zero, so that the codes carry the person."""
    code_rate: float = 0.03
    warm_code_rate: float = 0.02
    """Adam moves every number by about its rate however small its gradient is; over a clip's
    frames that adds up to noise in the codes, so a warm start takes smaller steps."""
    feature_rate: float = 0.02
    feature_layer: int = 3
    """Layer of ΔF (3 is 32² in the default generator)."""
    perceptual: float = 0.8
    """Weight of LPIPS beside the squared error, as in pSp and ReStyle."""
    code_decay: float = 0.2
    """Weight of the mean squared distance to the mean codes: nearer codes edit better."""
    feature_decay: float = 5.0
    """Weight of mean ΔF²: what the codes can explain they should. Without these two decays ΔF
    grows from frame to frame until an edit of the codes no longer shows."""
    size: int = 256
    """Side in pixels at which image and render are compared."""
    largest_render: int = 512
    """The render is made at the images' own side, so that what is optimised is what is shown,
    but not larger than this."""


class OptimizeEncoder:
    """Adam on rows and features against L2 + LPIPS; an :class:`Encoder`."""

    def __init__(
        self,
        generator: Generator,
        perceptual: Lpips,
        settings: OptimizeSettings | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.generator = generator
        self.perceptual = perceptual
        self.settings = settings or OptimizeSettings()
        self.progress = progress

    @property
    def input_size(self) -> int:
        """Side in pixels at which the system looks at an image."""
        return self.settings.size

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Invert images [B, 3, H, W] in [−1, 1]; warm from ``start`` if it is given.

        Codes and ΔF come back in float32, without gradients; ``torch.no_grad`` or
        ``torch.inference_mode`` around the call does not matter.

        Raises:
            BadInputError: if ``images`` are no RGB batch, ``steps`` is negative, or ``start`` is of
                other images or has features that replace.
        """
        check_images(images, 3)
        settings = self.settings
        if steps is None:
            steps = settings.first_steps if start is None else settings.later_steps
        if steps < 0:
            raise BadInputError(f"steps is {steps}; allowed are 0 and more")
        with torch.inference_mode(False), torch.enable_grad():
            # A clone: what was made in inference mode bears no gradients.
            return self._optimised(images.clone(), start, steps)

    def _optimised(self, images: Tensor, start: Latent | None, steps: int) -> Latent:
        settings, cold = self.settings, start is None
        variables = self._start(len(images), start)
        target = _Target(self._resized(images), self.perceptual, settings.perceptual)
        side = max(settings.size, min(images.shape[-1], settings.largest_render))
        side = min(side, self.generator.resolution)
        frozen_until = int(steps * settings.rows_only) if cold else 0
        code_rate = settings.code_rate if cold else settings.warm_code_rate
        optimiser = torch.optim.Adam(
            [
                {"params": [variables.codes], "peak": code_rate},
                {"params": [variables.offset], "peak": settings.feature_rate},
            ],
            betas=(0.9, 0.98),
        )
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _schedule(step / steps, cold)
            variables.offset.requires_grad_(step >= frozen_until)
            optimiser.zero_grad(set_to_none=True)
            self._loss(variables, target, side).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if self.progress is not None:
                self.progress(step + 1, steps)
        return variables.latent.detach()

    def _start(self, count: int, start: Latent | None) -> _Variables:
        layer = self.settings.feature_layer
        shape = self.generator.feature_shape(layer)
        device = self.generator.device
        if start is None:
            codes = self.generator.mean_codes.expand(count, -1, -1)
            offset = torch.zeros(count, *shape, device=device)
        else:
            if start.features is None or start.features.mode != "add":
                raise BadInputError(
                    "optimisation starts from latents with an additive feature tensor; "
                    "use a start that the same encoder returned"
                )
            codes = starting_codes(start, count, self.generator.mean_codes)
            layer = start.features.layer
            offset = start.features.tensor.expand(count, *shape)
        free = codes.to(device, torch.float32).clone().requires_grad_(True)
        return _Variables(free, offset.to(device, torch.float32).clone(), layer)

    def _resized(self, images: Tensor) -> Tensor:
        size = self.settings.size
        images = images.to(self.generator.device, torch.float32)
        if images.shape[-2:] == (size, size):
            return images
        return F.interpolate(images, size=(size, size), mode="area")

    def _loss(self, variables: _Variables, target: _Target, side: int) -> Tensor:
        settings = self.settings
        render = self._resized(self.generator.synthesize(variables.latent, side))
        drift = (variables.codes - self.generator.mean_codes.float()).square().mean()
        # Summed over the batch, so that a frame's steps do not depend on its chunk's length.
        return len(variables.codes) * (
            target.distance(render)
            + settings.code_decay * drift
            + settings.feature_decay * variables.offset.square().mean()
        )


@dataclass(frozen=True)
class _Variables:
    """What is free: codes [B, L, 512] and ΔF [B, C, H, W], kept in float32."""

    codes: Tensor
    offset: Tensor
    layer: int

    @property
    def latent(self) -> Latent:
        return Latent(self.codes, Features(self.offset, self.layer, "add"))


class _Target:
    """The images to reach, with their LPIPS features computed once in the network's dtype."""

    def __init__(self, images: Tensor, perceptual: Lpips, weight: float) -> None:
        self.images = images
        self.perceptual = perceptual
        self.weight = weight
        self.dtype = next(perceptual.parameters()).dtype
        with torch.no_grad():
            self.features = perceptual.features(images.to(self.dtype))

    def distance(self, render: Tensor) -> Tensor:
        """Mean over the batch of L2 + weight · LPIPS."""
        made = self.perceptual.features(render.to(self.dtype))
        lpips = self.perceptual.distance(made, self.features).float()
        return F.mse_loss(render, self.images) + self.weight * lpips.mean()


def _schedule(done: float, cold: bool) -> float:
    """Learning-rate factor: a short warm-up when cold, and a cosine fall to a tenth."""
    rise = min(1.0, done / 0.05 + 0.1) if cold else 1.0
    return rise * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))
