"""Latents on disk: one safetensors file with all that a generator needs to render them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from videoinv.checkpoints.cache import write_path
from videoinv.encoders.weights import below, under
from videoinv.errors import CheckpointError
from videoinv.latents import Features, Latent

FORMAT = "videoinv-latent"
VERSION = "1"
CODES, FEATURES, OFFSETS, STEPS = "codes", "features", "offsets.", "steps"
_OWN = ("format", "version", FEATURES)


def save_latent(
    path: Path, latent: Latent, metadata: Mapping[str, str], steps: Tensor | None = None
) -> None:
    """Write a latent, completely or not at all.

    Args:
        path: of the safetensors file.
        latent: of any number of images.
        metadata: what else is to be known: the model, its digest, the crop.
        steps: codes [T, B, L, 512] after every step that led to the latent.

    Raises:
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    tensors = {CODES: latent.codes, **under(latent.weight_offsets, OFFSETS)}
    header = {**metadata, "format": FORMAT, "version": VERSION}
    if latent.features is not None:
        tensors[FEATURES] = latent.features.tensor
        header[FEATURES] = json.dumps(
            {"layer": latent.features.layer, "mode": latent.features.mode}
        )
    if steps is not None:
        tensors[STEPS] = steps.clone()  # safetensors takes no tensors that share memory
    dense = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with write_path(path, "the latent") as partial:
        save_file(dense, partial, header)


def load_latent(path: Path) -> tuple[Latent, dict[str, str]]:
    """A latent and its metadata, as they were saved.

    Raises:
        CheckpointError: if there is no such file or it holds no latent.
    """
    tensors, header = _read(path)
    notes = {name: value for name, value in header.items() if name not in _OWN}
    return Latent(tensors[CODES], _features(tensors, header), below(tensors, OFFSETS)), notes


def load_steps(path: Path) -> Tensor | None:
    """The codes [T, B, L, 512] after every step; ``None`` if they were not saved.

    Raises:
        CheckpointError: if there is no such file or it holds no latent.
    """
    return _read(path)[0].get(STEPS)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            header = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} holds no latent: {error}") from error
    seen = header.get("format"), header.get("version")
    if seen != (FORMAT, VERSION) or CODES not in tensors:
        raise CheckpointError(
            f"{path} holds no latent: format and version are {seen}; "
            f"needed are {(FORMAT, VERSION)}, as 'videoinv invert' writes them"
        )
    return tensors, header


def _features(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> Features | None:
    if FEATURES not in tensors:
        return None
    place: dict[str, Any] = json.loads(header[FEATURES])
    return Features(tensors[FEATURES], place["layer"], place["mode"])
