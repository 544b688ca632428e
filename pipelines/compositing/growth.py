"""The mask's growth: an edit of age or hair changes more than the face, and is not cut there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.masks import Plane, blur, crop_border, smoothstep
from pipelines.compositing.views import Views
from videoinv.faces.person import PersonSegmenter

# Change in 8-bit levels from which, and up to which, the mask follows it.
_FAINT, _PLAIN = 12.0, 26.0
# In parts of the crop's side: over what the change is judged, how soft the growth's own border
# is, and how wide it falls at the crop's border.
_JUDGED, _SOFT, _BORDER = 0.04, 0.015, 0.12
_WORTH_A_LOOK = 0.05
"""Growth below which nobody sees whether it is the person's."""
_COARSE = 64
_STEPS = 48
"""Pixels of the coarse grid, of 64, over which the growth may spread."""


class Growth:
    """Lets a face's mask grow with the change, within the person.

    Args:
        people: tells the person from the background, whose change is the generator's error.
    """

    def __init__(self, people: PersonSegmenter) -> None:
        self._people = people

    def grown(self, face: Plane, views: Views) -> Plane:
        """The face's mask [S, S] with all significant change of the person that reaches it."""
        reach = connected(face, views.change)
        if (reach - face).max() < _WORTH_A_LOOK:
            return reach
        person = blur(self._people.segment(views.source), _SOFT)
        return np.asarray(np.maximum(face, reach * person))


def connected(face: Plane, change: NDArray[np.float32]) -> Plane:
    """The face's mask with all significant change that is connected to it.

    A place's value is that of the weakest link on the best way from the face to it (grey-scale
    reconstruction; Vincent 1993), so that the mask is a continuous function of the change: no
    part of it appears or vanishes from one frame to the next.

    Args:
        face: the mask of the face [S, S].
        change: edited − inversion [S, S, 3], in 8-bit levels.
    """
    # A mean over some area, so that a contour of clothes that shifts a little does not count.
    size = blur(np.abs(change).mean(axis=2), _JUDGED)
    significant = np.maximum(face, smoothstep(size, _FAINT, _PLAIN))
    joined = _reconstruction(_resized(face, _COARSE), _resized(significant, _COARSE))
    whole = np.minimum(_resized(joined, len(face)), significant)
    spread = blur(whole, _SOFT) * crop_border(len(face), _BORDER)
    return np.asarray(np.maximum(face, spread), dtype=np.float32)


def _reconstruction(seed: Plane, limit: Plane) -> Plane:
    """The seed, dilated again and again under the limit."""
    kernel = np.ones((3, 3), np.uint8)
    for _ in range(_STEPS):
        seed = np.minimum(cv2.dilate(seed, kernel), limit)
    return seed


def _resized(plane: Plane, size: int) -> Plane:
    how = cv2.INTER_AREA if size < len(plane) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (size, size), interpolation=how), dtype=np.float32)
