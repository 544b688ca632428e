"""What the rest of the project asks of an inversion system."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from videoinv.latents import Latent


@runtime_checkable
class Encoder(Protocol):
    """Images in, latents out."""

    @property
    def input_size(self) -> int:
        """Side in pixels at which the system looks at an image."""

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Invert images.

        Args:
            images: [B, 3, H, W] in [−1, 1]; resized as the system wants.
            start: the latent to refine from (warm start): of B images, or of one for all.
                Single-pass systems ignore it.
            steps: ReStyle steps, E2Style stages, looks of a light Feature-Style encoder, or
                optimisation steps; ``None`` is the default.
        """
