"""Planar Y'CbCr pictures as numpy planes: formats and views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""[H, W], uint8 or, above 8 bits, uint16."""

_SUBSAMPLING = {(1, 1): "444", (2, 1): "422", (2, 2): "420"}


@dataclass(frozen=True)
class PlanarFormat:
    """A planar Y'CbCr pixel format."""

    chroma: str
    """"420", "422" or "444"."""
    depth: int
    """Bits per sample."""
    alpha: bool

    @property
    def name(self) -> str:
        """The name in libav, such as ``yuv420p`` or ``yuva444p10le``."""
        letters = "yuva" if self.alpha else "yuv"
        return f"{letters}{self.chroma}p" + ("" if self.depth == 8 else f"{self.depth}le")


def planar_format(pixel_format: av.VideoFormat) -> PlanarFormat:
    """The planar Y'CbCr format that holds all that ``pixel_format`` holds; RGB becomes 4:4:4."""
    # At 16 × 16 the sizes of the chroma planes tell the subsampling.
    components = av.VideoFormat(pixel_format.name, 16, 16).components
    depth = max(component.bits for component in components)
    alpha = any(component.is_alpha for component in components)
    if pixel_format.is_rgb or pixel_format.has_palette:
        chroma = "444"
    elif len(components) < 3:  # grey: an edit may bring colour
        chroma = "420"
    else:
        chroma = _SUBSAMPLING.get((16 // components[1].width, 16 // components[1].height), "444")
    return PlanarFormat(chroma, 8 if depth <= 8 else 10 if depth <= 10 else 12, alpha)


def planes_of(frame: av.VideoFrame) -> list[Plane]:
    """Writable views of the planes of a planar frame, without the padding of their rows."""
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
        planes.append(rows[:, : plane.width])
    return planes
