"""Complexion: an edit changes a face, and neither the light on it nor the tone of its skin (ours).

Directions carry what went together among a generator's samples: its old faces are dark, its young
ones pale. A viewer takes that for another light, and for another person beside the neck. So the
skin keeps its colours wherever they are smooth; lines, folds and freckles are the edit's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np

from pipelines.compositing.light import missing_light, relit
from pipelines.compositing.masks import MaskSettings, face_mask, region_mask
from pipelines.compositing.views import Views

SkinTone = Literal["source", "edit"]

_SIZE = 64
"""Side at which skin is compared."""
_SPREAD = 0.12
"""Width, in parts of the crop's side, of what counts as tone. Of the 6.5 ΔE that age +2 brought to
eight photographs it leaves 1.4, twice of it 2.0, one gain for the whole face 2.3; half of it leaves
0.9, but sunglasses that had gone came back as a shade."""
_SKIN = MaskSettings(grow=0.0, feather=0.03)
"""Where colours are compared: inside the outline, off the hair."""
_FACE = MaskSettings(grow=0.01, feather=0.06)
"""Where they are set. As far out as the mask of an edit reaches, the wall beside an ear shone."""


def with_skin_tone(views: Views) -> Views:
    """The views, with the inversion's tone of skin in the edited picture; off the face no change.

    Args:
        views: one crop.
    """
    small = views.resized(_SIZE)
    moving = region_mask(small.mesh, small.alignment, ("mouth", "eyes", "brows"))
    skin = face_mask(small.mesh, small.alignment, _SKIN) * (1 - moving)
    face = face_mask(small.mesh, small.alignment, _FACE)[:, :, None]
    gain = 1 + face * (missing_light(small.inversion, small.edited, skin, _SPREAD) - 1)
    whole = cv2.resize(gain, views.edited.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return replace(views, edited=relit(views.edited, np.asarray(whole, np.float32)))
