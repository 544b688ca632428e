"""What the analysis of a clip depends on beside the clip: the key under which it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import av
import cv2
import torch

from pipelines.cast import FaceChoice
from pipelines.edit_settings import EditSettings
from videoinv import __version__
from videoinv.model import Model


def face_settings(choices: Sequence[FaceChoice], detect_every: int) -> dict[str, object]:
    """What decides which frames and faces the face networks look at, and what they see."""
    return {
        "videoinv": __version__,
        "av": av.__version__,
        "opencv": cv2.__version__,
        "faces": [repr(choice) for choice in choices],
        "detect_every": detect_every,
    }


def latent_settings(model: Model, settings: EditSettings, chunk: int) -> dict[str, object]:
    """What decides, beside the faces, which crops are inverted, and how."""
    generator = model.generator
    return {
        "torch": torch.__version__,
        "device": generator.device.type,
        "dtype": str(generator.dtype),
        "model": asdict(model.info),
        "encoder": type(model.encoder).__name__,
        "encoder_settings": repr(getattr(model.encoder, "settings", None)),
        "steps": settings.steps,
        "chunk": chunk,
        "size": settings.size,
        "center_sigma": settings.center_sigma,
        "shape_sigma": settings.shape_sigma,
        "offsets": settings.offsets,
    }
