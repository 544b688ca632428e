"""Light encoders as files: half-precision safetensors, their shape and origin in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from videoinv.checkpoints.cache import write_path
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.e2style import LightE2Style
from videoinv.encoders.light.feature_style import LightFeatureStyle
from videoinv.encoders.light.hyperinverter import LightHyperInverter
from videoinv.encoders.light.network import LightSize
from videoinv.encoders.light.restyle import LightReStyle
from videoinv.errors import CheckpointError
from videoinv.generators.protocol import Generator
from videoinv.precision import Float32

LightEncoder = LightReStyle | LightFeatureStyle | LightE2Style | LightHyperInverter
SYSTEMS: dict[str, type[LightEncoder]] = {
    "restyle": LightReStyle,
    "feature-style": LightFeatureStyle,
    "e2style": LightE2Style,
    "hyperinverter": LightHyperInverter,
}
FORMAT = "videoinv-light-encoder"
VERSION = "1"
_SECOND_LOOK, _STEM = "second_look.", "backbone.conv_stem.weight"


def save_light(
    encoder: LightEncoder, size: LightSize, path: Path, notes: Mapping[str, str] | None = None
) -> None:
    """Write an encoder, completely or not at all.

    Args:
        encoder: any of :data:`SYSTEMS`.
        size: the size that it was built with.
        path: of the file.
        notes: what else the metadata should say: recipe, steps, hours, scores, data, terms.

    Raises:
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    exact = {
        f"{prefix}.{name}"
        for prefix, module in encoder.net.named_modules()
        if isinstance(module, Float32)
        for name in module.state_dict()
    }
    tensors = {
        name: (t.half() if t.is_floating_point() and name not in exact else t).contiguous().cpu()
        for name, t in encoder.net.state_dict().items()
    }
    system = next(name for name, kind in SYSTEMS.items() if type(encoder) is kind)
    metadata = {
        **(notes or {}),
        "format": FORMAT,
        "version": VERSION,
        "system": system,
        "size": json.dumps(asdict(size)),
    }
    with write_path(path, "the encoder") as partial:
        save_file(tensors, partial, metadata)


def load_light(
    path: Path, generator: Generator, dtype: torch.dtype = torch.float32
) -> LightEncoder:
    """The encoder in a file, on its generator's device.

    Raises:
        CheckpointError: if the file is none of ours, of another version, or was made for another
            generator.
        UnsafePickleError: it would need code to be run; nothing was.
        BadInputError: if its system does not work with such a generator.
    """
    content = read_checkpoint(path)
    notes = content.metadata
    if notes.get("format") != FORMAT or notes.get("version") != VERSION:
        raise CheckpointError(
            f"{path} is no light encoder of this version: its metadata say "
            f"{notes.get('format')!r}, version {notes.get('version')!r}"
        )
    if replaced := _replaced(content.data):
        raise CheckpointError(
            f"{path} was made by an earlier version of videoinv, whose {replaced} was another "
            "network: train it anew, or use the encoder that comes with the package"
        )
    kind, size = _described(path, notes)
    encoder = kind.build(generator, size)
    try:
        encoder.net.load_state_dict({name: t.float() for name, t in content.data.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{path} does not fit this generator: {reason}") from error
    encoder.net.to(dtype).eval().requires_grad_(False)
    return encoder


def _replaced(tensors: Mapping[str, Tensor]) -> str | None:
    """What a file has tensors of that is made otherwise by now."""
    if any(name.startswith(_SECOND_LOOK) for name in tensors):
        return "second look"
    if any(name.endswith(_STEM) and t.shape[1] == 6 for name, t in tensors.items()):
        return "trunk that saw an image beside its reconstruction"
    return None


def _described(path: Path, notes: Mapping[str, str]) -> tuple[type[LightEncoder], LightSize]:
    """The system and the size that a file's metadata say."""
    system = notes.get("system")
    if system not in SYSTEMS:
        raise CheckpointError(
            f"{path} holds a light encoder of the system {system!r}; known are "
            f"{', '.join(SYSTEMS)}: a later version of videoinv may know it"
        )
    try:
        return SYSTEMS[system], _size(json.loads(notes["size"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} has a size that this version cannot build ({error}): train the encoder anew, "
            "or use the version of videoinv that made it"
        ) from error


def _size(stored: dict[str, Any]) -> LightSize:
    head = stored.pop("head")
    return LightSize(**stored, head=HeadSize(**{**head, "reduced": tuple(head["reduced"])}))
