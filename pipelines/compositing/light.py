"""Light: what the source has of it and the inversion has not, as a gain in linear light.

Code values are sRGB's (IEC 61966-2-1), which is also how BT.709 video is looked at: its own camera
curve differs in the darks, and cancels in a gain that is applied by the same curve.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.masks import Plane, blur
from videoinv.faces.types import Image

_STEPS = 1 << 14
"""Levels of linear light in the way back: the darkest 8-bit levels lie five of them apart."""
SPREAD = 0.06
"""Width, in parts of the crop's side, over which light is averaged and carried."""
_FLOOR = 0.004
"""Linear light added to both sides: the ratio of two blacks says nothing."""
_WIDEST = 2.0


def _decode(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_TO_LINEAR = _decode(np.arange(256) / 255).astype(np.float32)
_TO_CODES = np.rint(_encode(np.arange(_STEPS) / (_STEPS - 1)) * 255).astype(np.uint8)


def to_linear(image: Image) -> NDArray[np.float32]:
    """Linear light in [0, 1] of an image in 8-bit sRGB, of any shape."""
    return np.asarray(cv2.LUT(image, _TO_LINEAR), dtype=np.float32)


def to_codes(light: NDArray[np.float32]) -> Image:
    """8-bit sRGB of linear light, of any shape; light beyond [0, 1] is clipped."""
    steps = np.clip(light * (_STEPS - 1) + 0.5, 0, _STEPS - 1).astype(np.uint16)
    return np.asarray(_TO_CODES[steps])


def missing_light(
    source: Image, inversion: Image, trusted: Plane, spread: float = SPREAD
) -> NDArray[np.float32]:
    """The gain [S, S, 3] in linear light from the inversion's colour to the source's.

    Smooth: both are averaged around each place where they show the same thing, and so the gain is
    carried into the places where they do not.

    Args:
        source: the crop of the frame, [S, S, 3].
        inversion: what the generator makes of it.
        trusted: [S, S], how much a place tells about the light.
        spread: as :data:`SPREAD`.
    """
    weight = (trusted + 1e-3)[:, :, None]
    wanted = blur(to_linear(source) * weight, spread)
    given = blur(to_linear(inversion) * weight, spread)
    floor = _FLOOR * blur(weight[:, :, 0], spread)[:, :, None]
    gain = (wanted + floor) / (given + floor)
    return np.asarray(np.clip(gain, 1 / _WIDEST, _WIDEST), dtype=np.float32)


def relit(image: Image, gain: NDArray[np.float32]) -> Image:
    """The image [H, W, 3] in the light that the gain [H, W, 3] describes."""
    return to_codes(to_linear(image) * gain)
