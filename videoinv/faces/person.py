"""Where the person is in a crop: head, hair and shoulders against the background.

MediaPipe's selfie segmentation, a small MobileNetV3 with a decoder.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.mesh import read_tflite
from videoinv.faces.types import Image

INPUT_SIZE = 256


class PersonSegmenter:
    """Separates a person from the background. Not safe to share between threads.

    Args:
        model: path of the TFLite file; fetched by the catalog when None.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._network = read_tflite(model or fetch("person-segmentation"))

    def segment(self, image: Image) -> NDArray[np.float32]:
        """The probability [H, W] of the person in an RGB image uint8 [H, W, 3]."""
        small = cv2.resize(image, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
        self._network.setInput(cv2.dnn.blobFromImage(small, 1 / 255))
        mask = self._network.forward().reshape(INPUT_SIZE, INPUT_SIZE)
        side = (image.shape[1], image.shape[0])
        return np.asarray(cv2.resize(np.clip(mask, 0, 1), side), dtype=np.float32)
