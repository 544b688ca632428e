"""A model as one safetensors file: no pickle, the generator beside the encoder, origin noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from videoinv.checkpoints.cache import write_path
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.weights import under
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.model import Model
from videoinv.published.build import encoder_parts
from videoinv.published.formats.converted import ENCODER, FORMAT, GENERATOR, MEAN, VERSION
from videoinv.published.formats.parts import Parts


def save_model(model: Model, path: Path) -> None:
    """Write a model such that ``load_model(path)`` makes it again, with identical tensors.

    A generator other than StyleGAN2 has its own published file and is not written: hand it to
    ``load_model`` again.

    Raises:
        CheckpointError: if the encoder has no weights to save, or is no published system's.
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    info = model.info
    parts = Parts("stylegan2") if model.encoder is None else encoder_parts(model.encoder)
    tensors = _encoder_tensors(parts)
    if isinstance(model.generator, StyleGAN2):
        tensors |= under(model.generator.state_dict(), GENERATOR)
    origin = {"source": Path(info.source).name, "source_sha256": info.digest, "terms": info.terms}
    sizes = {"resolution": str(info.resolution), "styles": str(info.styles)}
    _save(tensors, parts, path, sizes | origin)


def save_encoder(encoder: Encoder, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write an encoder alone, to be loaded with ``load_model(path, generator=…)``.

    Args:
        encoder: one of a published system; light encoders have a file of their own.
        path: of the file.
        notes: what else the metadata should say: recipe, data, scores, terms.

    Raises:
        CheckpointError: if it has no weights to save, or is no published system's.
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    parts = encoder_parts(encoder)
    _save(_encoder_tensors(parts), parts, path, dict(notes or {}))


def _encoder_tensors(parts: Parts) -> dict[str, Tensor]:
    tensors = under(parts.encoder, ENCODER)
    if parts.mean_codes is not None:
        tensors[MEAN] = parts.mean_codes.clone()  # it may be a view of the generator's
    return tensors


def _save(tensors: Mapping[str, Tensor], parts: Parts, path: Path, notes: dict[str, str]) -> None:
    metadata = {
        **notes,
        "format": FORMAT,
        "version": VERSION,
        "system": parts.system,
        "settings": json.dumps(dict(parts.settings)),
    }
    dense = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with write_path(path, "the model") as partial:
        save_file(dense, partial, metadata)
