"""This project's own file: one safetensors, parts told by prefix, the rest in its metadata."""

from __future__ import annotations

import json

from videoinv.checkpoints.torchfile import Content
from videoinv.encoders.weights import below
from videoinv.published.formats.parts import Parts

FORMAT = "videoinv-model"
VERSION = "1"
GENERATOR, ENCODER, MEAN = "generator.", "encoder.", "mean_codes"


class ConvertedModel:
    """Written by ``videoinv.published.convert.save_model``."""

    name = "videoinv model"

    @staticmethod
    def detect(content: Content) -> bool:
        """The metadata names this format and a version that this code reads."""
        metadata = content.metadata
        return metadata.get("format") == FORMAT and metadata.get("version") == VERSION

    @staticmethod
    def load(content: Content) -> Parts:
        """The parts as they were when written."""
        tensors = content.data
        return Parts(
            content.metadata["system"],
            generator=below(tensors, GENERATOR),
            encoder=below(tensors, ENCODER),
            mean_codes=tensors.get(MEAN),
            settings=json.loads(content.metadata.get("settings", "{}")),
        )
