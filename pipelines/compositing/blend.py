"""How an edit meets the source: its change added, or its picture taken in the source's light."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.light import missing_light
from pipelines.compositing.masks import Plane, blur
from pipelines.compositing.patch import Patch, Weights
from pipelines.compositing.views import Views

Blend = Literal["residual", "replace"]

LARGE_CHANGE = 12.0
"""Change in 8-bit levels at which source and edited picture share a pixel equally."""
_JUDGED = 0.012
"""Width, in parts of the crop's side, over which the change is judged."""
_LIGHT_SIZE = 64
"""Side at which the light is compared, which is smooth."""


def blended(views: Views, blend: Blend, mask: Plane, lit: Plane) -> Patch:
    """What an edit puts into the frame.

    ``residual`` adds the change, edited − inversion, to the source, whose skin, grain and light
    so survive: what the inversion cannot make is in both terms and cancels. Where the change is
    large (an opening mouth) there is nothing of the source to keep, and adding would show both
    pictures at once; there the edited picture takes over, in the light of its surroundings.
    ``replace`` takes the edited picture everywhere.

    Args:
        views: the crop.
        blend: which of the two.
        mask: [M, M], where the edit may show.
        lit: [M, M], how much a place tells about the light on the face.
    """
    kept = _kept(views.small.change)
    added = mask * kept if blend == "residual" else np.zeros_like(mask)
    trusted = lit * kept if blend == "residual" else lit
    return Patch(
        views.edited,
        views.inversion,
        added=_weights(added),
        taken=_weights(mask - added),
        gain=_gain(views.small, trusted),
    )


def _kept(change: NDArray[np.float32]) -> Plane:
    """How much of the source stays under a change in levels [M, M, 3]: [M, M] in [0, 1]."""
    size = np.sqrt(blur(np.square(change).mean(axis=2), _JUDGED))
    return np.asarray(1 / (1 + (size / LARGE_CHANGE) ** 4), dtype=np.float32)


def _gain(small: Views, trusted: Plane) -> NDArray[np.float32]:
    """The gain that puts the generator's pictures into the source's light."""
    views, side = small.resized(_LIGHT_SIZE), (_LIGHT_SIZE, _LIGHT_SIZE)
    weight = np.asarray(cv2.resize(trusted, side, interpolation=cv2.INTER_AREA), np.float32)
    return missing_light(views.source, views.inversion, weight)


def _weights(mask: Plane) -> Weights:
    return np.rint(mask * 255).astype(np.uint8)
