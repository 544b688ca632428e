"""pSp: one pass from an image to w⁺ (Richardson et al. 2021, "Encoding in Style")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from videoinv.encoders.heads import SingleStyleEncoder, StyleEncoder
from videoinv.encoders.images import SQUARE_256, Framing, check_images
from videoinv.latents import Latent


@dataclass(frozen=True)
class PSP:
    """w = E(x) + w̄ (§3.1). Also the shape of e4e and of encoders that stop in W."""

    net: StyleEncoder | SingleStyleEncoder
    mean_codes: Tensor
    """w̄: [L, 512]."""
    framing: Framing = SQUARE_256

    default_steps: ClassVar[int] = 1

    @property
    def input_size(self) -> int:
        """Width in pixels at which the encoder looks at an image."""
        return self.framing.width

    @torch.no_grad()
    def encode(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """Codes of images [B, 3, H, W] in one pass; ``start`` and ``steps`` have no meaning here.

        Raises:
            BadInputError: if the images have another number of channels than the encoder's stem.
        """
        del start, steps
        check_images(images, self.net.channels)
        return Latent(self.net(self.framing.fit(images.to(self.mean_codes))) + self.mean_codes)
