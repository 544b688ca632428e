"""Planar Y'CbCr pictures as numpy planes: formats, views, and the patch of edited pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.media.color import Color

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


def paint(
    planes: list[Plane],
    image: NDArray[np.uint8],
    changed: NDArray[np.bool_],
    color: Color,
    depth: int,
) -> None:
    """Write the changed pixels of an RGB image into planes, and leave every other sample alone.

    Args:
        planes: Y', C_b, C_r [, alpha] of the whole picture, changed in place.
        image: [H, W, 3] RGB.
        changed: [H, W]; a chroma sample is rewritten if any of its pixels changed.
        color: which matrix and range the planes are in.
        depth: bits per sample of the planes.
    """
    luma, chroma = planes[0], planes[1:3]
    down, across = (-(-a // b) for a, b in zip(luma.shape, chroma[0].shape, strict=True))
    box = _bounds(changed, down, across)
    if box is None:
        return
    rows, columns = box
    mask = changed[rows, columns]
    samples = cv2.transform(image[rows, columns].astype(np.float32), color.from_rgb(depth))
    _store(luma[rows, columns], samples[..., 0], mask, depth)
    small = (slice(rows.start // down, None), slice(columns.start // across, None))
    small_mask = np.any(_blocks(mask, down, across), axis=(1, 3))
    for plane, channel in zip(chroma, (1, 2), strict=True):
        reduced = subsampled(samples[..., channel], down, across)
        _store(plane[small][: reduced.shape[0], : reduced.shape[1]], reduced, small_mask, depth)


def subsampled(samples: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """Chroma, float [H, W], at 1 / ``down`` of the rows and 1 / ``across`` of the columns.

    A sample lies on the left column of its pixels and midway between their rows, where H.264,
    HEVC and VP9 expect it (H.273, chroma location type 0); a plain mean would shift the colours
    by half a pixel.
    """
    if across == 2:
        smooth = cv2.sepFilter2D(
            samples, -1, np.array([0.25, 0.5, 0.25]), np.ones(1), borderType=cv2.BORDER_REPLICATE
        )
        samples = smooth[:, ::2]
    if down == 2:
        samples = _blocks(samples, 2, 1).mean(axis=(1, 3))
    return samples


def _bounds(changed: NDArray[np.bool_], down: int, across: int) -> tuple[slice, slice] | None:
    """The rows and columns that hold every changed pixel, begun on whole chroma samples."""
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    height, width = changed.shape
    top, left = rows[0] // down * down, columns[0] // across * across
    bottom, right = -(-(rows[-1] + 1) // down) * down, -(-(columns[-1] + 1) // across) * across
    return slice(int(top), min(int(bottom), height)), slice(int(left), min(int(right), width))


def _blocks(samples: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """[H, W] as [H / down, down, W / across, across]; an odd last row or column is repeated."""
    height, width = samples.shape
    padded = np.pad(samples, ((0, -height % down), (0, -width % across)), mode="edge")
    return padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)


def _store(plane: Plane, samples: NDArray[Any], mask: NDArray[np.bool_], depth: int) -> None:
    rounded = np.clip(np.rint(samples), 0, (1 << depth) - 1).astype(plane.dtype)
    plane[mask] = rounded[mask]
