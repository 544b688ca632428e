"""Encoders that refine: ReStyle's steps, E2Style's stages, HyperInverter's phases, light looks."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from videoinv.latents import Latent


class Stepwise(ABC):
    """The latent of an image is the one after the last step; those before it can be had, too."""

    @abstractmethod
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after every step that ran; arguments as in :class:`Encoder`."""

    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """The latent after the last step; see :meth:`encode_steps`."""
        return self.encode_steps(images, start, steps)[-1]
