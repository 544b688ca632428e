"""What optical flow says about stability: warping error and tOF.

The flow itself comes from the caller, who also names the network or method that made it. A flow
[H, W, 2] from frame a to frame b holds at pixel (x, y) of a the displacement (dx, dy) in pixels to
where b shows the same point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Array = NDArray[np.floating[Any]]


def warp(image: NDArray[Any], flow: Array) -> Array:
    """The image seen from the grid of the flow: result(x) = image(x + flow(x)), bilinear.

    Args:
        image: [H, W] or [H, W, C].
        flow: [H, W, 2], from the wanted grid to the image.

    Returns:
        float32 of the image's shape; beyond the image, its edge repeats.

    Raises:
        ValueError: if the sizes differ.
    """
    _check_flow(flow, image.shape[:2])
    where = _targets(flow)
    planes = np.atleast_3d(image).astype(np.float32)
    warped = [
        map_coordinates(planes[..., i], where, order=1, mode="nearest")
        for i in range(planes.shape[2])
    ]
    return np.stack(warped, axis=-1).reshape(image.shape)


def visible(forward: Array, backward: Array) -> NDArray[np.bool_]:
    """The pixels of frame t − 1 whose match in frame t can be trusted: Lai's noc.

    Occlusion is found as in Lai et al. 2018 (Learning Blind Video Temporal Consistency), after
    Ruder et al. 2016 (Artistic Style Transfer for Videos). With b the flow on the grid in
    question and f_w the opposite flow, warped to that grid, a pixel is occluded where
    |f_w + b|² > 0.01 (|f_w|² + |b|²) + 0.5, and at motion boundaries, where
    |∇b|² > 0.01 |b|² + 0.002. Besides, what matches a point outside the frame is not visible.

    Args:
        forward: flow of the source from t − 1 to t, [H, W, 2]: b, as t is warped to t − 1.
        backward: flow of the source from t to t − 1, [H, W, 2].

    Returns:
        bool [H, W]

    Raises:
        ValueError: if the shapes are not those of two flows of one size.
    """
    _check_flow(forward, forward.shape[:2])
    b, f_w = forward, warp(backward, forward)
    occluded = _squared(f_w + b) > 0.01 * (_squared(f_w) + _squared(b)) + 0.5
    boundary = _squared_gradient(b) > 0.01 * _squared(b) + 0.002
    rows, columns = _targets(b)
    height, width = b.shape[:2]
    inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    return np.asarray(inside & ~occluded & ~boundary)


class WarpingError:
    """The warping error of a video, pair by pair (Lai et al. 2018).

    E(t) = Σ noc·(warp(I_t) − I_{t−1})² / Σ noc, with flow and noc of the *source* video, averaged
    over pairs; a colour image also averages over its channels. Report the source's own value
    beside it. Holds two numbers, however long the video is.
    """

    def __init__(self) -> None:
        self._sum = 0.0
        self.pairs = 0
        """pairs of frames that counted"""

    def push(
        self, previous: NDArray[Any], current: NDArray[Any], forward: Array, noc: NDArray[np.bool_]
    ) -> float | None:
        """Take frames t − 1 and t of one shot; returns the pair's error.

        Args:
            previous: I_{t−1}, uint8, or floating in [0, 1]; [H, W] or [H, W, C].
            current: I_t.
            forward: flow of the source from t − 1 to t, [H, W, 2].
            noc: ``visible(forward, backward)`` of the source, [H, W].

        Returns:
            ``None`` for a pair without a visible pixel, which does not count.

        Raises:
            ValueError: if the shapes do not fit.
        """
        if previous.shape != current.shape or noc.shape != previous.shape[:2]:
            raise ValueError(
                f"frames of shape {previous.shape} and {current.shape}, visibility {noc.shape}"
            )
        difference = warp(_unit_range(current), forward) - _unit_range(previous)
        seen = difference[noc]
        if not seen.size:
            return None
        error = float(np.mean(np.square(seen), dtype=np.float64))
        self._sum += error
        self.pairs += 1
        return error

    @property
    def mean(self) -> float | None:
        """The warping error so far; ``None`` before the first pair that counts."""
        return self._sum / self.pairs if self.pairs else None


def flow_difference(result: Array, source: Array) -> float:
    """The tOF of one pair of frames in pixels: mean ‖flow(y_{t−1}, y_t) − flow(x_{t−1}, x_t)‖.

    Chu et al. 2020 (TecoGAN); a clip's tOF is the mean over its pairs.

    Args:
        result: flow between two frames of the result y, [H, W, 2].
        source: flow between the same frames of the source x.

    Raises:
        ValueError: if the shapes are not those of two flows of one size.
    """
    _check_flow(source, source.shape[:2])
    _check_flow(result, source.shape[:2])
    return float(np.linalg.norm(result - source, axis=-1).mean(dtype=np.float64))


def _check_flow(flow: Array, size: tuple[int, ...]) -> None:
    if flow.shape != (*size, 2) or flow.ndim != 3:
        raise ValueError(f"a flow of shape {flow.shape}; it must be [H, W, 2] for {size}")


def _targets(flow: Array) -> Array:
    """Rows and columns that the flow points to: [2, H, W]."""
    grid = np.indices(flow.shape[:2], dtype=np.float32)
    return grid + np.moveaxis(flow[..., ::-1], -1, 0)


def _squared(vectors: Array) -> Array:
    return np.asarray(np.square(vectors).sum(axis=-1))


def _squared_gradient(flow: Array) -> Array:
    """|∇u|² + |∇v|² by forward differences; zero in the last row and column."""
    along_x = np.diff(flow, axis=1, append=flow[:, -1:])
    along_y = np.diff(flow, axis=0, append=flow[-1:])
    return _squared(along_x) + _squared(along_y)


def _unit_range(image: NDArray[Any]) -> Array:
    values = image.astype(np.float32)
    return values / np.float32(255) if image.dtype == np.uint8 else values
