"""How steady the face is: jitter, always beside what steadiness may cost, lag and lost motion.

Identity over time is in ``stabilization.identity``, what needs optical flow in
``stabilization.warping``. Where a measure is published, its docstring names the paper.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import welch

Array = NDArray[np.floating[Any]]
STROKE = 4
"""Frames over which motion is compared: speech moves a mouth in so many, and noise is small."""


@dataclass(frozen=True)
class Steadiness:
    """Landmark motion of a result beside its source's; no number means much without the others.

    Heavy smoothing lowers ``jitter`` and shows in ``lag`` (if causal) and ``amplitude``.
    """

    jitter: float
    """RMS second difference of the result's landmarks per inter-ocular distance"""
    source_jitter: float
    """the same of the source: real motion and the noise of the landmark detector"""
    lag: float | None
    """frames by which the result is late (negative: early); ``None`` if nothing moves"""
    amplitude: float | None
    """share of the source's motion that the result makes, 1 is all; ``None`` if nothing moves"""

    @property
    def excess_jitter(self) -> float:
        """The jitter that the source has not; below 0 the result is smoother than the source."""
        return self.jitter - self.source_jitter


class SteadinessMeter:
    """Measures ``Steadiness`` frame by frame, in memory that does not grow.

    With p(t) the landmarks in the aligned frame, for source and result in *one* alignment, the
    source's:

    * jitter: √mean (p(t+1) − 2p(t) + p(t−1))² over frames, points and both coordinates, divided by
      the mean inter-ocular distance. White noise of variance σ² per coordinate gives √6·σ.
    * lag: the shift that maximises the normalised cross-correlation of the velocities
      p(t) − p(t−1), between frames by the parabola through the peak and its neighbours.
    * amplitude: the regression of the result's displacements p(t) − p(t − 4) on the source's, at
      the lag's whole frame. Noise of the result does not raise it, as it would a ratio of RMS.

    Args:
        max_lag: greatest shift that is tried, in frames, either way; at least 1.

    Raises:
        ValueError: if ``max_lag`` is below 1.
    """

    def __init__(self, max_lag: int = 10) -> None:
        if max_lag < 1:
            raise ValueError(f"max_lag is {max_lag}; it must be at least 1 frame")
        self._recent: deque[Array] = deque(maxlen=STROKE + 1)
        self._velocities = _CrossCorrelation(max_lag)
        self._strokes = _CrossCorrelation(max_lag)
        self._squares = np.zeros(2)
        self._differences = 0
        self._ocular = 0.0
        self._frames = 0

    def push(self, source: ArrayLike, result: ArrayLike, inter_ocular: float) -> None:
        """Take the next frame's landmarks.

        Args:
            source: [P, 2] in pixels of the aligned frame.
            result: [P, 2], the same points.
            inter_ocular: distance of the source's eyes in the same pixels.

        Raises:
            ValueError: if the shapes differ, a number is not finite or the distance not positive.
        """
        both = np.array([source, result], dtype=np.float64)
        if both.ndim != 3 or both.shape[2] != 2 or not np.isfinite(both).all():
            raise ValueError(f"landmarks of shape {both.shape[1:]}; they must be [P, 2] and finite")
        if not (math.isfinite(inter_ocular) and inter_ocular > 0):
            raise ValueError(f"inter_ocular is {inter_ocular}; it must be above 0 pixels")
        if self._recent and self._recent[-1].shape != both.shape:
            raise ValueError(f"{both.shape[1]} landmarks after {self._recent[-1].shape[1]}")
        self._recent.append(both)
        self._ocular += inter_ocular
        self._frames += 1
        self._measure()

    def cut(self) -> None:
        """A frame is missing or a new shot begins: motion across it does not count."""
        self._recent.clear()
        self._velocities.cut()
        self._strokes.cut()

    def result(self) -> Steadiness:
        """The measures so far.

        Raises:
            ValueError: before three frames in a row have come.
        """
        if not self._differences:
            raise ValueError("steadiness needs at least three frames in a row")
        rms = np.sqrt(self._squares / self._differences) * self._frames / self._ocular
        shift = self._velocities.peak()
        amplitude = None if shift is None else self._strokes.gain(round(shift))
        return Steadiness(float(rms[1]), float(rms[0]), shift, amplitude)

    def _measure(self) -> None:
        p = self._recent
        if len(p) > 1:
            self._velocities.push(p[-1] - p[-2])
        if len(p) > 2:
            second = p[-1] - 2 * p[-2] + p[-3]
            self._squares += np.square(second).sum(axis=(1, 2))
            self._differences += second[0].size
        if len(p) > STROKE:
            self._strokes.push(p[-1] - p[0])


class _CrossCorrelation:
    """Sums over time of source(t)·result(t + lag), for all lags up to a limit."""

    def __init__(self, max_lag: int) -> None:
        self._max_lag = max_lag
        self._recent: deque[Array] = deque(maxlen=max_lag + 1)
        self._products = np.zeros(2 * max_lag + 1)
        self._pairs = np.zeros(2 * max_lag + 1)
        self._source_energy = np.zeros(2 * max_lag + 1)
        self._result_energy = np.zeros(2 * max_lag + 1)

    def push(self, motion: Array) -> None:
        """Take the motion [2, P, 2] of source and result in the next frame."""
        self._recent.append(motion)
        source, result = motion
        for age, (old_source, old_result) in enumerate(reversed(self._recent)):
            self._add(age, old_source, result)
            if age:
                self._add(-age, source, old_result)

    def cut(self) -> None:
        """What comes next is not paired with what came."""
        self._recent.clear()

    def peak(self) -> float | None:
        """The lag of greatest correlation, with a fraction; ``None`` if nothing moves.

        A lag counts if half of the frames have a partner there: few pairs correlate by chance.
        """
        scale = np.sqrt(self._source_energy * self._result_energy)
        scale[2 * self._pairs < self._pairs.max()] = 0.0
        if not scale.any():
            return None
        correlation = np.divide(self._products, scale, out=np.zeros_like(scale), where=scale > 0)
        best = int(np.argmax(correlation))
        fraction = 0.0
        if 0 < best < len(correlation) - 1:
            fraction = _parabola_top(*correlation[best - 1 : best + 2])
        return best - self._max_lag + fraction

    def gain(self, lag: int) -> float | None:
        """Least-squares factor from the source's motion to the result's at a lag."""
        energy = self._source_energy[lag + self._max_lag]
        return float(self._products[lag + self._max_lag] / energy) if energy > 0 else None

    def _add(self, lag: int, source: Array, result: Array) -> None:
        index = lag + self._max_lag
        self._pairs[index] += 1
        self._products[index] += np.vdot(source, result)
        self._source_energy[index] += np.vdot(source, source)
        self._result_energy[index] += np.vdot(result, result)


def _parabola_top(left: float, middle: float, right: float) -> float:
    """Where the parabola through (−1, left), (0, middle), (1, right) is greatest, in [−½, ½]."""
    curvature = left - 2.0 * middle + right
    return float(0.5 * (left - right) / curvature) if curvature < 0 else 0.0


@dataclass(frozen=True)
class Breathing:
    """Power of a crop's restlessness, as a share of the crop's size, squared."""

    centre: float
    """of both coordinates of the centre together"""
    scale: float
    """of the logarithm of the size"""


def breathing(crops: ArrayLike, fps: float, cutoff: float = 3.0) -> Breathing:
    """Power above 3 Hz of a crop's centre and scale: the breathing crop, which heads cannot do.

    The integral of Welch's estimate (1967) of the spectral density above the cutoff, of one-minute
    windows at most, less their linear trend. White noise of variance σ² has the power
    σ²·(1 − 2·cutoff/fps).

    Args:
        crops: x, y and size of the crop in pixels, frame by frame in one shot: [T, 3], T ≥ 16.
        fps: frames per second, above twice the cutoff; frames are taken as equally spaced.
        cutoff: in Hz.

    Raises:
        ValueError: if the shape, a size or the rate is not as said.
    """
    values = np.asarray(crops, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 3 or len(values) < 16:
        raise ValueError(f"crops of shape {values.shape}; they must be [T, 3] with T ≥ 16")
    if not np.isfinite(values).all() or not (values[:, 2] > 0).all():
        raise ValueError("the crops must be finite and their sizes above 0")
    if not fps > 2 * cutoff > 0:
        raise ValueError(f"fps {fps} must be above twice the cutoff of {cutoff} Hz")
    x, y, size = values.T
    relative = np.stack([x, y]) / size.mean()
    power_x, power_y, power_scale = _power_above(cutoff, np.vstack([relative, np.log(size)]), fps)
    return Breathing(float(power_x + power_y), float(power_scale))


def _power_above(cutoff: float, signals: Array, fps: float) -> Array:
    window = min(signals.shape[1], round(60 * fps))
    frequency, density = welch(signals, fps, nperseg=window, detrend="linear")
    return np.asarray(density[:, frequency > cutoff].sum(axis=1) * frequency[1])


def lpips_difference(result: ArrayLike, source: ArrayLike) -> float:
    """The tLP of a clip: mean |LPIPS(y_{t−1}, y_t) − LPIPS(x_{t−1}, x_t)| · 100.

    Chu et al. 2020 (TecoGAN).

    Args:
        result: LPIPS between neighbouring frames of the result y, [T − 1].
        source: the same of the source x.

    Raises:
        ValueError: if the lengths differ or there is no pair.
    """
    y, x = np.asarray(result, dtype=np.float64), np.asarray(source, dtype=np.float64)
    if y.shape != x.shape or y.ndim != 1 or not y.size:
        raise ValueError(f"LPIPS of {y.shape} and {x.shape}; one number per pair of frames in both")
    return float(np.abs(y - x).mean()) * 100.0
