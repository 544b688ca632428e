"""Back into the frame: the change of a face, limited to where it belongs, in the source's light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.compositing.growth import grown
from pipelines.compositing.light import missing_light
from pipelines.compositing.masks import (
    MASK_SIZE,
    MaskSettings,
    Plane,
    blur,
    face_mask,
    region_mask,
)
from pipelines.compositing.occlusion import hands_mask, unexplained
from pipelines.compositing.patch import Patch, Weights, paste
from pipelines.compositing.regions import Region, parse_region
from pipelines.compositing.views import Views
from pipelines.steps import Rendered
from videoinv.faces.hands import HandNetworks, HandTracker
from videoinv.faces.types import Image

__all__ = [
    "Blend",
    "Compositor",
    "MaskSettings",
    "Patch",
    "Region",
    "make_patch",
    "parse_region",
    "paste",
]

Blend = Literal["residual", "replace"]

LARGE_CHANGE = 12.0
"""Change in 8-bit levels at which source and edited picture share a pixel equally."""
_JUDGED = 0.012
"""Width, in parts of the crop's side, over which the change is judged."""
_LIGHT_SIZE = 64
"""Side at which the light is compared, which is smooth."""
_OFF_FACE = 0.1
"""How much a place outside the face counts for the light on it."""
_FADE = 0.6
"""What remains of a covered place one frame after the object has gone."""


class Compositor:
    """Puts edited faces back into the frames of a video, one frame after another.

    Hands are followed from frame to frame, and where they were the edit comes back over a few
    frames, so that no mask flickers. Not safe to share between threads.

    Args:
        blend: whether changes are added to the source or the face is replaced.
        settings: where they may show.
        hands: finds hands; made when occlusions are wanted and it is None.
    """

    def __init__(
        self, blend: Blend, settings: MaskSettings, hands: HandNetworks | None = None
    ) -> None:
        self._blend, self._settings = blend, settings
        self._hands = hands or (HandNetworks() if settings.occlusions else None)
        self._covers: dict[int, _Cover] = {}

    def compose(self, image: Image, people: Mapping[int, Rendered]) -> Image:
        """The frame [H, W, 3] with its edited faces, which are given by run.

        What is known of a run is forgotten with the first frame that it is not in.
        """
        self._covers = {run: self._covers.get(run) or self._cover() for run in people}
        result = image
        for run, rendered in people.items():
            views = Views.of(rendered, rendered.inverted.crop)
            small = views.resized(MASK_SIZE)
            covered = self._covers[run].push(image, small)
            patch = _patch(views, small, self._blend, self._settings, covered)
            result = paste(result, views.alignment, patch)
        return result

    def _cover(self) -> _Cover:
        return _Cover(None if self._hands is None else HandTracker(self._hands))


class _Cover:
    """What is in front of one face, from frame to frame; nothing ever without a tracker."""

    def __init__(self, hands: HandTracker | None) -> None:
        self._hands = hands
        self._covered = _uncovered()

    def push(self, image: Image, small: Views) -> Plane:
        """The mask [M, M] in the next frame."""
        if self._hands is not None:
            hands = hands_mask(self._hands.push(image, small.alignment), small.alignment)
            now = np.maximum(hands, unexplained(small))
            self._covered = np.maximum(now, _FADE * self._covered)
        return self._covered


def make_patch(rendered: Rendered, source: Image, blend: Blend, settings: MaskSettings) -> Patch:
    """What an edit puts into one frame, by itself: with nothing in front of the face.

    ``residual`` adds the change, edited − inversion, to the source, whose skin, grain and light
    so survive: what the inversion cannot make is in both terms and cancels. Where the change is
    large (an opening mouth) there is nothing of the source to keep, and adding would show both
    pictures at once; there the edited picture takes over, in the light of its surroundings.
    ``replace`` takes the edited picture everywhere.

    Args:
        rendered: the crop as the generator makes it, without and with the edit.
        source: the crop of the frame, [S, S, 3].
        blend: which of the two.
        settings: where the edit may show.
    """
    views = Views.of(rendered, source)
    return _patch(views, views.resized(MASK_SIZE), blend, settings, _uncovered())


def _patch(
    views: Views, small: Views, blend: Blend, settings: MaskSettings, covered: Plane
) -> Patch:
    face = face_mask(small.mesh, small.alignment, settings)
    mask = _reach(face, small, settings) * (1 - covered)
    if blend == "replace":
        kept, trusted = np.zeros_like(mask), 1 - covered
    else:
        kept = _kept(small.change)
        trusted = kept * (1 - covered)
    return Patch(
        views.edited,
        views.inversion,
        added=_weights(mask * kept),
        taken=_weights(mask * (1 - kept)),
        gain=_light(small, trusted * np.maximum(face, _OFF_FACE)),
    )


def _reach(face: Plane, small: Views, settings: MaskSettings) -> Plane:
    """Where the edit may show [M, M], if nothing is in front of the face."""
    mask = grown(face, small.change) if settings.follow_change else face
    if settings.regions:
        mask = mask * region_mask(small.mesh, small.alignment, settings.regions)
    return mask


def _kept(change: NDArray[np.float32]) -> Plane:
    """How much of the source stays under a change in levels [M, M, 3]: [M, M] in [0, 1]."""
    size = np.sqrt(blur(np.square(change).mean(axis=2), _JUDGED))
    return np.asarray(1 / (1 + (size / LARGE_CHANGE) ** 4), dtype=np.float32)


def _light(small: Views, trusted: Plane) -> NDArray[np.float32]:
    """The gain that puts the generator's pictures into the source's light."""
    views, side = small.resized(_LIGHT_SIZE), (_LIGHT_SIZE, _LIGHT_SIZE)
    weight = np.asarray(cv2.resize(trusted, side, interpolation=cv2.INTER_AREA), np.float32)
    return missing_light(views.source, views.inversion, weight)


def _weights(mask: Plane) -> Weights:
    return np.rint(mask * 255).astype(np.uint8)


def _uncovered() -> Plane:
    return np.zeros((MASK_SIZE, MASK_SIZE), np.float32)
