"""The 1€ filter: causal smoothing for a live picture, which cannot wait for frames to come."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stabilization.filters import Array, checked, require_positive


class OneEuro:
    """1€ filter (Casiez, Roussel & Vogel, CHI 2012): the faster a value moves, the less smoothing.

    Each element is smoothed by itself, by a low-pass whose cutoff rises with the element's own
    smoothed speed. It looks at no later frame, so slow motion lags a little; ``beta`` trades that
    lag for jitter. It uses the frames' times, so the rate may vary.

    Args:
        min_cutoff: f_c,min in Hz: the cutoff at rest. Lower is steadier and later.
        beta: Hz per unit of value per second: how fast the cutoff rises with speed.
        d_cutoff: cutoff in Hz of the low-pass on the speed.

    Raises:
        ValueError: if a cutoff is not positive or ``beta`` is negative.
    """

    delay = 0

    def __init__(self, min_cutoff: float = 1.0, beta: float = 0.0, d_cutoff: float = 1.0) -> None:
        require_positive(min_cutoff=min_cutoff, d_cutoff=d_cutoff)
        if not (math.isfinite(beta) and beta >= 0):
            raise ValueError(f"beta is {beta}; it must be a finite number, 0 or above")
        self._min_cutoff, self._beta, self._d_cutoff = min_cutoff, beta, d_cutoff
        self._time: float | None = None
        self._value: Array = np.empty(0)
        self._speed: Array = np.empty(0)

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        """The smoothed value of this frame; see ``StreamFilter.push``.

        Raises:
            ValueError: if the time is missing or not after that of the frame before.
        """
        if time is None or not math.isfinite(time):
            raise ValueError(f"time is {time}; One Euro needs each frame's time in seconds")
        array = checked(value, None if self._time is None else self._value.shape)
        current = array.astype(np.float64)
        if self._time is None:
            self._value, self._speed = current, np.zeros_like(current)
        else:
            self._step(current, time - self._time)
        self._time = time
        return [self._value.astype(array.dtype)]

    def flush(self) -> list[Array]:
        """Nothing is ever owed; the next value starts a new segment."""
        self._time = None
        return []

    def _step(self, value: Array, seconds: float) -> None:
        """Algorithm 1 of the paper; the speed is taken from the last smoothed value."""
        if seconds <= 0:
            raise ValueError(f"a frame {seconds} s after the one before; times must increase")
        speed = (value - self._value) / seconds
        blend = _alpha(np.asarray(self._d_cutoff), seconds)
        self._speed = blend * speed + (1 - blend) * self._speed
        blend = _alpha(self._min_cutoff + self._beta * np.abs(self._speed), seconds)
        self._value = blend * value + (1 - blend) * self._value


def _alpha(cutoff: Array, seconds: float) -> Array:
    """The smoothing factor of a cutoff in Hz: α = 1 / (1 + τ/T_e), τ = 1 / (2π f_c)."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * seconds)))
