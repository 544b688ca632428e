"""How each system brings an image to the size it looks at; the rules differ and change the numbers.

The pSp family shrinks photographs with antialiasing, as Pillow does, and averages what a generator
made over boxes. HyperInverter brings photographs to the generator's resolution first, and takes
plain bilinear samples of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from videoinv.errors import BadInputError


@dataclass(frozen=True)
class Framing:
    """The rectangle a system looks at, in pixels.

    Cars are the one published case where it is not square: the generator's canvas is, but only
    its middle three quarters hold the picture, so the encoder sees 192×256.
    """

    height: int = 256
    width: int = 256

    def fit(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] as the encoder wants them: [B, C, height, width].

        A photograph is squashed to the rectangle as the published code does; an image with the
        canvas's own shape (square where the frame is not) is first cropped to the frame's rows.
        """
        if images.shape[-2] == images.shape[-1]:
            images = self._middle_rows(images)
        return resize_antialiased(images, self.height, self.width)

    def pool(self, synthesized: Tensor) -> Tensor:
        """What a generator made, cropped to the frame and box-averaged: [B, C, height, width]."""
        return F.adaptive_avg_pool2d(self._middle_rows(synthesized), (self.height, self.width))

    def _middle_rows(self, images: Tensor) -> Tensor:
        rows = images.shape[-1] * self.height // self.width
        top = (images.shape[-2] - rows) // 2
        return images[..., top : top + rows, :]


SQUARE_256 = Framing()
"""What every encoder but those for cars looks at."""
CARS = Framing(192, 256)


def resize_antialiased(images: Tensor, height: int, width: int) -> Tensor:
    """Bilinear with the filter widened by the shrink factor, as Pillow's ``resize``.

    Pillow rounds to 8 bits after each axis and this does not: up to one grey level apart.
    """
    if images.shape[-2:] == (height, width):
        return images
    return F.interpolate(
        images.float(), (height, width), mode="bilinear", align_corners=False, antialias=True
    ).to(images.dtype)


def resize_sampled(images: Tensor, side: int) -> Tensor:
    """Bilinear without a filter: at factor 4, the mean of the middle 2×2 of every 4×4."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(
        images.float(), (side, side), mode="bilinear", align_corners=False, antialias=False
    ).to(images.dtype)


def check_images(images: Tensor, channels: int) -> None:
    """Refuse what an encoder with a stem of ``channels`` cannot take.

    Raises:
        BadInputError: if ``images`` is not a float tensor [B, channels, H, W].
    """
    if images.ndim != 4 or images.shape[1] != channels or not torch.is_floating_point(images):
        raise BadInputError(
            f"the encoder takes float images [B, {channels}, H, W] in [-1, 1]; "
            f"got {images.dtype} {list(images.shape)}"
        )
