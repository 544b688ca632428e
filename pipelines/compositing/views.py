"""The three pictures of one crop that the compositing compares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.compositing.masks import MASK_SIZE
from pipelines.steps import Rendered
from videoinv.faces.align import to_images
from videoinv.faces.types import Alignment, Image, Points


@dataclass(frozen=True, eq=False)
class Views:
    """One face: as it is, as the generator makes it, and edited; images are [S, S, 3]."""

    mesh: Points
    """[468, 3] in the frame."""
    alignment: Alignment
    """Of a crop of the images' side."""
    source: Image
    inversion: Image
    edited: Image

    @classmethod
    def of(cls, rendered: Rendered, source: Image) -> Views:
        """The views of what was rendered for a crop of the frame."""
        placed = rendered.inverted.placed
        assert placed.face.mesh is not None  # located faces have one
        inversion, edited = to_images(torch.stack([rendered.inversion, rendered.edited]))
        return cls(placed.face.mesh, placed.alignment, source, inversion, edited)

    @cached_property
    def small(self) -> Views:
        """The same at the masks' size."""
        return self.resized(MASK_SIZE)

    def resized(self, size: int) -> Views:
        """The same at another size."""
        source, inversion, edited = (
            np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
            for image in (self.source, self.inversion, self.edited)
        )
        return Views(self.mesh, self.alignment.resized(size), source, inversion, edited)

    @property
    def change(self) -> NDArray[np.float32]:
        """The edited less the inversion [S, S, 3] in 8-bit levels."""
        return self.edited.astype(np.float32) - self.inversion.astype(np.float32)
