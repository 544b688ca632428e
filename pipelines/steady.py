"""Crops and codes smoothed over time, each person's by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from pipelines.steps import Array, Inverted, Placed, Step, filtered
from stabilization.filters import Bilateral, Gaussian, Identity, StreamFilter, unwrap_angle
from videoinv.editing.delta import recode
from videoinv.faces.types import Alignment
from videoinv.generators.protocol import Generator

REACH = 0.01
"""Of centre (in parts of the face's side), log scale and rotation (radians): chosen to lie above a
resting head's tremble and below a turning head's motion. A Gaussian of the same width let the crop
swim in fast turns, which doubled the warping error there."""


def steady_crops(
    steps: Iterable[Step[Placed]], center_sigma: float, shape_sigma: float
) -> Iterator[Step[Placed]]:
    """Smooth the crop's centre, and its scale and rotation, each over its own frames.

    Args:
        steps: frames with the crops' places.
        center_sigma: standard deviation in frames; 0 for no smoothing.
        shape_sigma: the same for scale and rotation.
    """
    centred = filtered(steps, lambda: _InScale(_bilateral(center_sigma)), _center, _with_center)
    return filtered(centred, lambda: _Unwrapped(_bilateral(shape_sigma)), _shape, _with_shape)


def steady_codes(
    steps: Iterable[Step[Inverted]], sigma: float, generator: Generator
) -> Iterator[Step[Inverted]]:
    """Smooth the codes over time, for edits to hold on to; the features stay what they show.

    Args:
        steps: frames with the people's latents.
        sigma: standard deviation in frames; 0 leaves the codes.
        generator: of the latents.
    """
    return filtered(steps, lambda: _gaussian(sigma), _codes, partial(_with_codes, generator))


def _bilateral(sigma: float) -> StreamFilter:
    return Bilateral(sigma, REACH) if sigma > 0 else Identity()


def _gaussian(sigma: float) -> StreamFilter:
    return Gaussian(sigma) if sigma > 0 else Identity()


class _InScale:
    """A filter of (x, y, scale) that sees the place in parts of the first frame's scale."""

    def __init__(self, inner: StreamFilter) -> None:
        self._inner = inner
        self._unit = 0.0

    @property
    def delay(self) -> int:
        return self._inner.delay

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        x, y, scale = np.asarray(value)
        self._unit = self._unit or float(scale)
        return self._outwards(self._inner.push(np.array([x, y]) / self._unit, time))

    def flush(self) -> list[Array]:
        rest = self._outwards(self._inner.flush())
        self._unit = 0.0
        return rest

    def _outwards(self, values: list[Array]) -> list[Array]:
        return [value * self._unit for value in values]


class _Unwrapped:
    """A filter of (log scale, rotation) that sees the rotation without jumps by whole turns."""

    def __init__(self, inner: StreamFilter) -> None:
        self._inner = inner
        self._previous = 0.0

    @property
    def delay(self) -> int:
        return self._inner.delay

    def push(self, value: ArrayLike, time: float | None = None) -> list[Array]:
        scale, rotation = np.asarray(value)
        self._previous = unwrap_angle(float(rotation), self._previous)
        return self._inner.push(np.array([scale, self._previous]), time)

    def flush(self) -> list[Array]:
        return self._inner.flush()


def _center(placed: Placed) -> Array:
    return np.array([*placed.alignment.center, placed.alignment.scale])


def _with_center(placed: Placed, center: Array) -> Placed:
    old = placed.alignment
    moved = Alignment.from_parameters(
        np.asarray(center, np.float64), old.scale, old.rotation, old.size
    )
    return replace(placed, alignment=moved)


def _shape(placed: Placed) -> Array:
    return np.array([np.log(placed.alignment.scale), placed.alignment.rotation])


def _with_shape(placed: Placed, shape: Array) -> Placed:
    old = placed.alignment
    turned = Alignment.from_parameters(
        old.center, float(np.exp(shape[0])), float(shape[1]), old.size
    )
    return replace(placed, alignment=turned)


def _codes(inverted: Inverted) -> Array:
    codes: Array = inverted.latent.codes[0].float().cpu().numpy()
    return codes


@torch.no_grad()
def _with_codes(generator: Generator, inverted: Inverted, codes: Array) -> Inverted:
    smooth = torch.from_numpy(codes)[None].to(inverted.latent.codes)
    return replace(inverted, latent=recode(generator, inverted.latent, smooth))
