"""Scene cuts, found while the frames go by, by numpy alone."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

GRID = 16
BINS = 16
BLANK_CONTRAST = 3.0
"""Standard deviation of the grid, in grey levels, below which a picture shows nothing."""

Array = NDArray[np.float64]


class CutDetector:
    """Says of each frame whether it is the first of a new shot.

    At a cut two things change at once: where light and dark are (the structure), and which
    colours there are (the palette). The score of a frame is the lesser of the two changes from the
    frame before, so that each is proof against what deceives the other: a flash or a change of
    exposure alters the palette and leaves the structure, fast motion the reverse. The frame begins
    a shot if its score is above ``threshold`` and stands out from the frames just before it.

    A blank frame (black, white, a flash that swallows the picture) has no structure. It begins no
    shot, and the frame after it is compared with the one before it: a blank inside a shot is
    no cut, and a cut through black is reported where the new picture appears. Dissolves are not
    cuts.

    Args:
        threshold: least score of a cut, in (0, 1). Cuts score about 0.25–0.7; speech and turning
            heads below 0.12.
        prominence: how many times the mean score of the last ``history`` frames a cut must reach,
            so that a whip pan is not a row of cuts.
        history: frames of the shot that the mean is over.
        min_length: least frames in a shot; what changes sooner belongs to the shot.

    Raises:
        ValueError: if a setting is outside its range.
    """

    def __init__(
        self,
        threshold: float = 0.2,
        prominence: float = 3.0,
        history: int = 8,
        min_length: int = 5,
    ) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"threshold is {threshold}; it must lie between 0 and 1")
        if prominence < 0 or history < 1 or min_length < 1:
            raise ValueError(
                f"prominence {prominence} must be at least 0, "
                f"history {history} and min_length {min_length} at least 1"
            )
        self._threshold, self._prominence, self._min_length = threshold, prominence, min_length
        self._scores: deque[float] = deque(maxlen=history)
        self._length = 0
        self._seen: tuple[Array, Array] | None = None

    def push(self, thumbnail: NDArray[np.uint8]) -> bool:
        """Take the next frame; true if it is the first of a new shot (never for the very first).

        Args:
            thumbnail: uint8 [h, w, 3], the whole frame area-averaged to a longer side of 32 to
                about 128 pixels; RGB or BGR, the same throughout.

        Raises:
            ValueError: if it is not such an array, or smaller than 8 × 8.
        """
        _check(thumbnail)
        self._length += 1
        structure = _structure(thumbnail)
        if structure is None:
            return False
        seen, self._seen = self._seen, (structure, _palette(thumbnail))
        if seen is None:
            return False
        score = min(_structure_change(seen[0], structure), _palette_change(seen[1], self._seen[1]))
        return self._judge(score)

    def _judge(self, score: float) -> bool:
        usual = float(np.mean(self._scores)) if self._scores else 0.0
        cut = self._length > self._min_length and score > max(
            self._threshold, self._prominence * usual
        )
        if cut:
            self._scores.clear()
            self._length = 1
        else:
            self._scores.append(score)
        return cut


def _check(thumbnail: NDArray[np.uint8]) -> None:
    shape = thumbnail.shape
    if thumbnail.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or min(shape[:2]) < 8:
        raise ValueError(
            f"a thumbnail of {thumbnail.dtype} {shape}; it must be uint8 [h, w, 3], h and w ≥ 8"
        )


def _structure(thumbnail: NDArray[np.uint8]) -> Array | None:
    """Mean grey on a 16 × 16 grid, with mean 0 and norm 1; ``None`` for a blank picture.

    Normalising takes out gain and offset: exposure is not structure.
    """
    grey = thumbnail.mean(axis=2)
    for axis in (0, 1):
        cells = min(GRID, grey.shape[axis])
        edges = np.arange(cells + 1) * grey.shape[axis] // cells
        sums = np.add.reduceat(grey, edges[:-1], axis=axis)
        sizes = np.diff(edges)
        grey = sums / (sizes[:, None] if axis == 0 else sizes)
    centred = grey - grey.mean()
    if centred.std() < BLANK_CONTRAST:
        return None
    return np.asarray(centred.ravel() / np.linalg.norm(centred))


def _palette(thumbnail: NDArray[np.uint8]) -> Array:
    """Histograms of chromaticity and of grey relative to its mean, [256 + 16], each summing to ½.

    The few levels added keep the chromaticity of near-black pixels from being noise.
    """
    colours = thumbnail.reshape(-1, 3).astype(np.float64) + 4.0
    total = colours.sum(axis=1)
    shares = np.clip(colours[:, :2] / total[:, None], 0.1, 0.6)
    chroma, _, _ = np.histogram2d(
        shares[:, 0], shares[:, 1], bins=BINS, range=((0.1, 0.6), (0.1, 0.6))
    )
    grey, _ = np.histogram(np.minimum(total / total.mean(), 3.0), bins=BINS, range=(0.0, 3.0))
    return np.concatenate([chroma.ravel(), grey]) / (2.0 * len(total))


def _structure_change(before: Array, after: Array) -> float:
    """(1 − correlation) / 2: 0 for the same picture, ½ for unrelated ones.

    The grid may change with the thumbnail's size, which only another video does.
    """
    if before.shape != after.shape:
        raise ValueError("the thumbnails changed their size; one detector sees one video")
    return float(1.0 - before @ after) / 2.0


def _palette_change(before: Array, after: Array) -> float:
    """Half the L1 distance: the share of pixels whose colour is new, in [0, 1]."""
    return float(np.abs(after - before).sum()) / 2.0
