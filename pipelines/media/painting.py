"""The patch of edited pixels in a planar picture; every other sample stays what it is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.media.planes import Plane
from pipelines.media.tone import StandardView

Samples = NDArray[np.float32]

FAINT = 12.0
"""Change in 8-bit levels at which half of what 8-bit R'G'B' does not hold is kept."""


class Painter:
    """Writes edited pixels into the planes of a source.

    A sample becomes the edited colour plus what the 8-bit picture could not say about the source
    there: depth, fine chroma, light beyond white. It is kept under a faint change and fades under
    a strong one, where it would be a ghost. So a change that goes to zero at the border of a face
    ends in the source's exact samples, without a seam.

    Args:
        affine: [3, 4], from R'G'B' as stored, in levels 0 to 255, to the samples of the planes.
        view: the map between the picture and R'G'B' as stored, if they differ.
        top: the largest sample.
    """

    def __init__(self, affine: NDArray[np.float32], view: StandardView | None, top: int) -> None:
        self._affine, self._view, self._top = affine, view, top

    def paint(
        self,
        planes: list[Plane],
        image: NDArray[np.uint8],
        original: NDArray[np.uint8] | None,
    ) -> None:
        """Change the planes in place where the image differs from the original.

        Args:
            planes: Y', C_b, C_r [, alpha] of the whole picture, or R', G', B'.
            image: [H, W, 3] RGB, edited.
            original: [H, W, 3] RGB, made of the planes; ``None``: the planes hold nothing yet. A
                chroma sample is rewritten if any of its pixels changed.
        """
        steps = [tuple(-(-a // b) for a, b in _sides(planes[0], plane)) for plane in planes[:3]]
        changed = _changed(image, original)
        box = _bounds(changed, *steps[1])
        if box is None:
            return
        wanted = self._samples(image[box])
        kept = before = None
        if original is not None:
            kept, before = _kept(image[box], original[box]), self._samples(original[box])
        for channel, (plane, (down, across)) in enumerate(zip(planes, steps, strict=False)):
            part = _part(plane, box, down, across)
            values = subsampled(wanted[..., channel], down, across)
            if kept is not None and before is not None:
                lost = part - subsampled(before[..., channel], down, across)
                values = values + subsampled(kept, down, across) * lost
            mask = _blocks(changed[box], down, across).any(axis=(1, 3))
            part[mask] = np.clip(np.rint(values), 0, self._top).astype(part.dtype)[mask]

    def _samples(self, image: NDArray[np.uint8]) -> Samples:
        """The samples [H, W, 3] of a picture at full chroma, not rounded."""
        stored = image.astype(np.float32) if self._view is None else self._view.stored(image)
        return np.asarray(cv2.transform(stored, self._affine), np.float32)


def subsampled(samples: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """Samples, float [H, W], at 1 / ``down`` of the rows and 1 / ``across`` of the columns.

    A chroma sample lies on the left column of its pixels and midway between their rows, where
    H.264, HEVC and VP9 expect it (H.273, chroma location type 0); a plain mean would shift the
    colours by half a pixel.
    """
    if across == 2:
        smooth = cv2.sepFilter2D(
            samples, -1, np.array([0.25, 0.5, 0.25]), np.ones(1), borderType=cv2.BORDER_REPLICATE
        )
        samples = smooth[:, ::2]
    if down == 2:
        samples = _blocks(samples, 2, 1).mean(axis=(1, 3))
    return samples


def _sides(luma: Plane, plane: Plane) -> zip[tuple[int, int]]:
    return zip(luma.shape, plane.shape, strict=True)


def _changed(image: NDArray[np.uint8], original: NDArray[np.uint8] | None) -> NDArray[np.bool_]:
    """[H, W]: which pixels are not the decoded ones."""
    if original is None or image is original:
        return np.full(image.shape[:2], original is None)
    red, green, blue = (image[..., channel] != original[..., channel] for channel in range(3))
    changed: NDArray[np.bool_] = red | green | blue
    return changed


def _kept(image: NDArray[np.uint8], original: NDArray[np.uint8]) -> Samples:
    """[H, W] in [0, 1]: how much of what 8 bits do not hold stays under the change."""
    change = cv2.absdiff(image, original).max(axis=2).astype(np.float32)
    return np.asarray(1 / (1 + (change / FAINT) ** 4), np.float32)


def _bounds(changed: NDArray[np.bool_], down: int, across: int) -> tuple[slice, slice] | None:
    """The rows and columns that hold every changed pixel, begun on whole chroma samples."""
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    height, width = changed.shape
    top, left = rows[0] // down * down, columns[0] // across * across
    bottom, right = -(-(rows[-1] + 1) // down) * down, -(-(columns[-1] + 1) // across) * across
    return slice(int(top), min(int(bottom), height)), slice(int(left), min(int(right), width))


def _part(plane: Plane, box: tuple[slice, slice], down: int, across: int) -> Plane:
    """The samples of a plane that cover a box of pixels; a view."""
    rows, columns = box
    return plane[
        rows.start // down : -(-rows.stop // down),
        columns.start // across : -(-columns.stop // across),
    ]


def _blocks(samples: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """[H, W] as [H / down, down, W / across, across]; an odd last row or column is repeated."""
    height, width = samples.shape
    padded = np.pad(samples, ((0, -height % down), (0, -width % across)), mode="edge")
    return padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
