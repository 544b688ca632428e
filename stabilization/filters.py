"""Filters over time, one value per frame: with look-ahead, or causal.

All have one interface: ``push`` takes the next frame's value and returns the values that are now
ready, in frame order; ``flush`` ends the segment and returns the rest. Every value pushed comes
out once. A filter never looks across a cut: the caller flushes at the cut, and the filter is then
as new.

The window filters (Gaussian, Savitzky–Golay) take frames as equally spaced. That is exact at a
constant frame rate; at a variable one the window has a fixed number of frames, not of seconds.
Only One Euro (``stabilization.one_euro``) uses the time of a frame.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_coeffs

Array = NDArray[np.floating[Any]]


class StreamFilter(Protocol):
    """A filter over the frames of one segment, of values of any one shape."""

    @property
    def delay(self) -> int:
        """Look-ahead k: the value of frame t comes out when frame t + k is pushed."""

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        """Take the next frame's value.

        Args:
            value: codes [L, 512], a centre [2], a number: one shape within a segment.
            time: of the frame in seconds; only One Euro needs it.

        Returns:
            The filtered values that are ready: none or one. Floating dtypes are kept, others
            become float64.

        Raises:
            ValueError: if the value is not finite or its shape differs from the one before.
        """

    def flush(self) -> list[Array]:
        """End the segment: the values still owed, oldest first. The filter is then as new."""


class Identity:
    """No filter: every value comes out as it went in."""

    delay = 0

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        """The value itself; see ``StreamFilter.push``."""
        array = checked(value, self._shape)
        self._shape = array.shape
        return [array]

    def flush(self) -> list[Array]:
        """Nothing is ever owed."""
        self._shape = None
        return []


class WindowFilter:
    """A symmetric weighted mean over 2k + 1 frames; beyond its ends a segment's end value repeats.

    The weights are symmetric, so nothing lags, and they sum to 1, so constants stay. A straight
    line stays, too, except in the k frames at each end, which the repeated value flattens.
    Offline, this is ``scipy.ndimage.correlate1d(values, weights, axis=0, mode="nearest")``, for
    segments of any length from 1 frame; the sums run in its order, in float64.

    Args:
        weights: [2k + 1], symmetric.
    """

    def __init__(self, weights: Array) -> None:
        self.delay = len(weights) // 2
        self._weights = [float(weight) for weight in weights[: self.delay + 1]]
        self._window: deque[Array] = deque(maxlen=len(weights))

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        """The smoothed value of k frames ago, once there is one; see ``StreamFilter.push``."""
        array = checked(value, self._window[-1].shape if self._window else None)
        if not self._window:
            self._window.extend([array] * self.delay)
        self._window.append(array)
        return [self._centre()] if len(self._window) == self._window.maxlen else []

    def flush(self) -> list[Array]:
        """The smoothed values of the last k frames, or of all if the segment is shorter."""
        rest: list[Array] = []
        if self._window:
            last = self._window[-1]
            for _ in range(self.delay):
                rest += self.push(last)
        self._window.clear()
        return rest

    def _centre(self) -> Array:
        """The weighted mean; frames equally far from the middle share a weight."""
        window, k = self._window, self.delay
        total = np.multiply(window[k], self._weights[k], dtype=np.float64)
        for i in range(k):
            total += np.add(window[i], window[-1 - i], dtype=np.float64) * self._weights[i]
        return np.asarray(total, dtype=window[k].dtype)


class Gaussian(WindowFilter):
    """Gaussian smoothing, equal to ``scipy.ndimage.gaussian_filter1d(mode="nearest")`` over time.

    Args:
        sigma: standard deviation in frames, above 0.
        truncate: the window ends this many sigmas from its middle; k = ⌊truncate·sigma + ½⌋.

    Raises:
        ValueError: if either is not a positive number.
    """

    def __init__(self, sigma: float, truncate: float = 3.0) -> None:
        require_positive(sigma=sigma, truncate=truncate)
        radius = int(truncate * sigma + 0.5)
        impulse = np.zeros(2 * radius + 1)
        impulse[radius] = 1.0
        # scipy's answer to an impulse is its kernel.
        super().__init__(gaussian_filter1d(impulse, sigma, mode="constant", truncate=truncate))


class Bilateral(Gaussian):
    """A Gaussian that smooths what trembles and leaves what moves: a bilateral filter over time.

    After Tomasi & Manduchi 1998, who filter pictures.

    A frame's weight falls with its distance in time and with the distance of its value from the
    middle one's, so values further apart than a few ``reach`` are not mixed: a head that turns
    keeps its place in every frame, one that rests comes to rest. Symmetric in time: nothing lags.

    Args:
        sigma: standard deviation in frames, above 0.
        reach: root mean square difference of two values at which a weight is e^−½ of the
            Gaussian's; a few times the noise.
        truncate: as of :class:`Gaussian`.

    Raises:
        ValueError: if one of them is not a positive number.
    """

    def __init__(self, sigma: float, reach: float, truncate: float = 3.0) -> None:
        require_positive(reach=reach)
        super().__init__(sigma, truncate)
        self._reach = reach

    def _centre(self) -> Array:
        window, k = self._window, self.delay
        middle = np.asarray(window[k], dtype=np.float64)
        change, weights = np.zeros_like(middle), self._weights[k]
        # From the middle value outwards, so that equal values stay exactly what they are.
        for i in range(k):
            for value in (window[i], window[-1 - i]):
                difference = np.subtract(value, middle, dtype=np.float64)
                apart = float(np.mean(difference**2)) / self._reach**2
                weight = self._weights[i] * math.exp(-apart / 2)
                change += weight * difference
                weights += weight
        return np.asarray(middle + change / weights, dtype=window[k].dtype)


class SavitzkyGolay(WindowFilter):
    """Savitzky & Golay 1964, equal to ``scipy.signal.savgol_filter(mode="nearest")`` over time.

    A polynomial is fitted to each window by least squares and read in its middle: motion up to
    that order keeps its amplitude, where a Gaussian of the same width would damp it.

    Args:
        window: frames fitted, odd; k = (window − 1) / 2.
        order: of the polynomial, below ``window``.

    Raises:
        ValueError: if the window is even or not positive, or the order does not fit it.
    """

    def __init__(self, window: int, order: int = 2) -> None:
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window is {window}; it must be odd and at least 1")
        if not 0 <= order < window:
            raise ValueError(f"order is {order}; it must be from 0 to window − 1 = {window - 1}")
        super().__init__(savgol_coeffs(window, order))


def unwrap_angle(angle: float, previous: float, period: float = 2 * math.pi) -> float:
    """The angle plus the whole turns that bring it within half a period of ``previous``.

    Unwrap a rotation before it is filtered or interpolated, or a turn through ±π becomes a jump.
    """
    return angle - period * round((angle - previous) / period)


def checked(value: ArrayLike, shape: tuple[int, ...] | None) -> Array:
    """A floating copy of the value, so that the caller may reuse its buffer.

    Raises:
        ValueError: if it is not finite, or not of the shape (``None``: any).
    """
    array = np.array(value)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if shape is not None and array.shape != shape:
        raise ValueError(f"a value of shape {array.shape} in a segment of shape {shape}")
    if not np.isfinite(array).all():
        raise ValueError("a value holds NaN or infinity, which a filter would spread over frames")
    return array


def require_positive(**numbers: float) -> None:
    """Refuse settings that are not positive and finite, by name.

    Raises:
        ValueError: naming the first that is not.
    """
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise ValueError(f"{name} is {number}; it must be a finite number above 0")
