"""Back into the frame: the change of a face, limited to where it belongs, in the source's light."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.compositing.blend import Blend, blended
from pipelines.compositing.complexion import SkinTone, with_skin_tone
from pipelines.compositing.growth import Growth
from pipelines.compositing.masks import (
    MASK_SIZE,
    MaskSettings,
    Plane,
    face_mask,
    region_mask,
)
from pipelines.compositing.occlusion import hands_mask, unexplained
from pipelines.compositing.patch import Patch, paste
from pipelines.compositing.regions import Region, parse_region
from pipelines.compositing.views import Views
from pipelines.steps import Rendered
from videoinv.faces.hands import HandNetworks, HandTracker
from videoinv.faces.person import PersonSegmenter
from videoinv.faces.types import Image

__all__ = [
    "Blend",
    "Compositor",
    "MaskSettings",
    "Patch",
    "Region",
    "SkinTone",
    "make_patch",
    "parse_region",
    "paste",
]

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
        people: tells people from the background; made when the mask follows the change and it is
            None.
        skin_tone: whose tone of skin an edited face has.
    """

    def __init__(
        self,
        blend: Blend,
        settings: MaskSettings,
        hands: HandNetworks | None = None,
        people: PersonSegmenter | None = None,
        skin_tone: SkinTone = "source",
    ) -> None:
        self._blend, self._settings, self._skin_tone = blend, settings, skin_tone
        self._growth = Growth(people or PersonSegmenter()) if settings.follow_change else None
        self._hands = hands or (HandNetworks() if settings.occlusions else None)
        self._covers: dict[int, _Cover] = {}

    def compose(self, image: Image, people: Mapping[int, Rendered]) -> Image:
        """The frame [H, W, 3] with its edited faces, which are given by run.

        Where crops overlap, the nearer face, the larger one, comes last. What is known of a run
        is forgotten with the first frame that it is not in.
        """
        self._covers = {run: self._covers.get(run) or self._cover() for run in people}
        result = image
        for run in sorted(people, key=lambda run: _size_in_frame(people[run])):
            views = _views(people[run], people[run].inverted.crop, self._skin_tone)
            covered = self._covers[run].push(image, views.small)
            patch = _patch(views, self._blend, self._settings, covered, self._growth)
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


def make_patch(
    rendered: Rendered,
    source: Image,
    blend: Blend,
    settings: MaskSettings,
    skin_tone: SkinTone = "source",
) -> Patch:
    """What an edit puts into one frame, judged by the face alone.

    Nothing is looked for in front of the face, and the mask follows no change beyond it.

    Args:
        rendered: the crop as the generator makes it, without and with the edit.
        source: the crop of the frame, [S, S, 3].
        blend: whether changes are added to the source or the face is replaced.
        settings: where the edit may show.
        skin_tone: whose tone of skin the edited face has.
    """
    return _patch(_views(rendered, source, skin_tone), blend, settings, _uncovered(), None)


def _views(rendered: Rendered, source: Image, skin_tone: SkinTone) -> Views:
    views = Views.of(rendered, source)
    return with_skin_tone(views) if skin_tone == "source" else views


def _patch(
    views: Views, blend: Blend, settings: MaskSettings, covered: Plane, growth: Growth | None
) -> Patch:
    small = views.small
    face = face_mask(small.mesh, small.alignment, settings)
    mask = face if growth is None else growth.grown(face, small)
    if settings.regions:
        mask = mask * region_mask(small.mesh, small.alignment, settings.regions)
    lit = np.maximum(face, _OFF_FACE) * (1 - covered)
    return blended(views, blend, mask * (1 - covered), lit)


def _size_in_frame(person: Rendered) -> float:
    return person.inverted.placed.alignment.scale


def _uncovered() -> Plane:
    return np.zeros((MASK_SIZE, MASK_SIZE), np.float32)
