"""HDR and wide-gamut video as a standard screen shows it, and an edited picture back into it.

Faces are found, inverted and edited in pictures as photographs are: BT.709 colours, 8 bits. HLG or
PQ samples taken for those would look flat and grey. The map is one fixed curve and one matrix for
a whole clip, so that it never flickers, and it can be undone for every colour of a photograph.

Sources: BT.2100 (HLG, PQ), BT.2408 (reference white at 203 cd/m²), BT.1886 (gamma 2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.media.color import Color

Array = NDArray[np.float64]

PQ, HLG = 16, 18
REFERENCE_WHITE = 203.0
"""Light in cd/m² of white paper in an HDR picture; it becomes the unit of light here."""
PEAK = 1000.0 / REFERENCE_WHITE
"""The light that becomes full white: HLG's nominal peak, and what PQ is mastered for as a rule."""
KNEE = 0.6
"""Light up to which nothing is compressed; faces lie below it."""
GAMMA = 2.4

_BT709, _BT2020, _P3 = 1, 9, 12
# (x, y) of red, green, blue in H.273's order; white is D65 in all three.
_PRIMARIES = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    _P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_WHITE = (0.3127, 0.3290)
_CODES = 1 << 16


@dataclass(frozen=True, eq=False)
class StandardView:
    """The two-way map between a source's R'G'B' and 8-bit BT.709; made by :func:`view_of`."""

    to_light: NDArray[np.float32]
    """[65536]: compressed light in [0, 1] of every 16-bit sample of the source."""
    to_709: NDArray[np.float32]
    """[3, 3]: from the source's primaries, in light."""

    def shown(self, rgb: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """The picture [H, W, 3] for a standard screen, of 16-bit R'G'B' in the source's coding.

        Colours outside BT.709 and light beyond the peak are clipped; the writer gives them back
        where nothing was edited.
        """
        codes = cv2.transform(self.to_light[rgb], self.to_709 * (_CODES - 1))
        np.clip(codes + 0.5, 0, _CODES - 1, out=codes)
        levels: NDArray[np.uint8] = _GAMMA_LEVELS[codes.astype(np.uint16)]
        return levels

    def stored(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The R'G'B' in the source's coding, [H, W, 3] in levels 0 to 255, not rounded.

        The inverse of :meth:`shown`, up to the rounding to 8 bits.
        """
        light = cv2.transform(_LEVELS_LIGHT[image], np.linalg.inv(self.to_709))
        roots = cv2.sqrt(np.clip(light, 0, 1, out=light)) * (_CODES - 1)
        return self._from_root[np.rint(roots).astype(np.uint16)]

    @cached_property
    def _from_root(self) -> NDArray[np.float32]:
        """[65536]: R'G'B' in levels of every square root of light; roots resolve the dark."""
        rising = int(np.argmax(self.to_light)) + 1
        light = np.linspace(0, 1, _CODES) ** 2
        signal = np.linspace(0, 255, _CODES)
        return np.interp(light, self.to_light[:rising], signal[:rising]).astype(np.float32)


def view_of(color: Color) -> StandardView | None:
    """The map for a source with these tags; ``None`` if it is standard already."""
    bright = color.transfer in {PQ, HLG}
    primaries = _BT2020 if bright and color.primaries not in _PRIMARIES else color.primaries
    if not bright and primaries not in {_BT2020, _P3}:
        return None
    curve = _CURVES.get(color.transfer, _display_gamma)
    light = curve(np.linspace(0, 1, _CODES))
    to_709 = np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(primaries)
    compressed = compress(light) if bright else light
    return StandardView(compressed.astype(np.float32), to_709.astype(np.float32))


def compress(light: Array) -> Array:
    """Light in units of the reference white → [0, 1]: unchanged to the knee, then rolled off.

    Above the knee it is the curve of Reinhard et al., "Photographic Tone Reproduction for Digital
    Images" (2002), Eq. (4): slope 1 where it begins, 1 at the peak.
    """
    above, peak = ((np.maximum(x, KNEE) - KNEE) / (1 - KNEE) for x in (light, np.array(PEAK)))
    rolled = KNEE + (1 - KNEE) * above * (1 + above / peak**2) / (1 + above)
    return np.minimum(np.where(light < KNEE, light, rolled), 1.0)


def _pq(signal: Array) -> Array:
    """SMPTE ST 2084: 0 to 10000 cd/m²."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = signal ** (1 / m2)
    light: Array = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return light / REFERENCE_WHITE


def _hlg(signal: Array) -> Array:
    """HLG on a screen of 1000 cd/m²; the system gamma on each channel, so that it can be undone."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    light: Array = np.minimum(scene, 1) ** 1.2 * PEAK
    return light


def _display_gamma(signal: Array) -> Array:
    light: Array = signal**GAMMA
    return light


_CURVES: dict[int, Callable[[Array], Array]] = {PQ: _pq, HLG: _hlg}


def _to_xyz(primaries: int) -> Array:
    """[3, 3]: linear R, G, B to CIE X, Y, Z, with Y = 1 for white."""
    x, y = np.array([*_PRIMARIES[primaries], _WHITE]).T
    corners = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    matrix: Array = corners[:, :3] * np.linalg.solve(corners[:, :3], corners[:, 3])
    return matrix


_LEVELS_LIGHT = _display_gamma(np.linspace(0, 1, 256)).astype(np.float32)
_GAMMA_LEVELS = np.rint(255 * np.linspace(0, 1, _CODES) ** (1 / GAMMA)).astype(np.uint8)
