"""Light encoders as files: half-precision safetensors, their shape and origin in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from videoinv.checkpoints.cache import atomic_path
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.e2style import LightE2Style
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.hyperinverter import LightHyperInverter
from videoinv.encoders.light.network import LightSize
from videoinv.encoders.light.restyle import LightReStyle
from videoinv.errors import CheckpointError
from videoinv.generators.protocol import Generator

LightEncoder = LightReStyle | LightFeatureStyle | LightE2Style | LightHyperInverter
SYSTEMS: dict[str, type[LightEncoder]] = {
    "restyle": LightReStyle,
    "feature-style": LightFeatureStyle,
    "e2style": LightE2Style,
    "hyperinverter": LightHyperInverter,
}
FORMAT = "videoinv-light-encoder"
VERSION = "1"


def save_light(
    encoder: LightEncoder, size: LightSize, path: Path, notes: Mapping[str, str] | None = None
) -> None:
    """Write an encoder, completely or not at all.

    Args:
        encoder: any of :data:`SYSTEMS`.
        size: the size that it was built with.
        path: of the file.
        notes: what else the metadata should say: recipe, steps, hours, scores, data, terms.
    """
    state = encoder.net.state_dict()
    tensors = {
        name: (t.half() if t.is_floating_point() else t).contiguous().cpu()
        for name, t in state.items()
    }
    system = next(name for name, kind in SYSTEMS.items() if type(encoder) is kind)
    metadata = {
        **(notes or {}),
        "format": FORMAT,
        "version": VERSION,
        "system": system,
        "size": json.dumps(asdict(size)),
    }
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata)


def load_light(
    path: Path, generator: Generator, dtype: torch.dtype = torch.float32
) -> LightEncoder:
    """The encoder in a file, on its generator's device.

    Raises:
        CheckpointError: if the file is none of ours, or was made for another generator.
    """
    content = read_checkpoint(path)
    notes = content.metadata
    if notes.get("format") != FORMAT or notes.get("version") != VERSION:
        raise CheckpointError(
            f"{path} is no light encoder of this version: its metadata say "
            f"{notes.get('format')!r}, version {notes.get('version')!r}"
        )
    encoder = SYSTEMS[notes["system"]].build(generator, _size(json.loads(notes["size"])))
    try:
        encoder.net.load_state_dict({name: t.float() for name, t in content.data.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{path} does not fit this generator: {reason}") from error
    encoder.net.to(dtype).eval().requires_grad_(False)
    return encoder


def _size(stored: dict[str, Any]) -> LightSize:
    head = stored.pop("head")
    return LightSize(**stored, head=HeadSize(**{**head, "reduced": tuple(head["reduced"])}))
