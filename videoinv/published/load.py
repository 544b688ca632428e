"""A path or a catalog name → a ``Model``: safe reading, detection by contents, assembly."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from videoinv.checkpoints.cache import sha256_of
from videoinv.checkpoints.catalog import load_catalog
from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.torchfile import Content
from videoinv.devices import resolve_device, resolve_dtype
from videoinv.editing.directions import Directions
from videoinv.encoders.protocol import Encoder
from videoinv.errors import CheckpointError
from videoinv.generators.protocol import Generator
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.model import Model, ModelInfo
from videoinv.published.build import build_encoder, system_of
from videoinv.published.formats import read_parts
from videoinv.published.formats.parts import Parts

_NVIDIA = (
    "the generator is under NVIDIA's non-commercial terms where it stems from NVIDIA's weights"
)
_TERMS = {
    "stylegan2": f"Not known for this file; {_NVIDIA}.",
    "e2style": f"The publisher of E2Style states no licence: no permission is given; {_NVIDIA}.",
    "hyperinverter": f"Published under a 3-clause BSD text; {_NVIDIA}.",
}
_OTHER_TERMS = f"Not known for this file; the published code is MIT, {_NVIDIA}."


def load_model(
    path_or_name: str | Path,
    *,
    generator: Generator | str | Path | None = None,
    encoder: str | Path | None = None,
    directions: Directions | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "float32",
) -> Model:
    """The model in a checkpoint.

    Args:
        path_or_name: a file of any published format (see ``formats``), or a name in the catalog.
        generator: a generator, or a file or name of one, for checkpoints without their own
            (HyperInverter); it takes the place of one that the checkpoint has.
        encoder: a file or name whose encoder is taken in place of the checkpoint's own.
        directions: what ``Model.edit`` may name; none by default.
        device: ``auto`` is the first GPU, or the processor where there is none. A generator that
            was handed over stays where it is, and the encoder joins it.
        dtype: of the convolutions; codes, features and images stay float32.

    Raises:
        CheckpointError: no such file, damaged, of no known system, or parts that do not fit.
        UnsafePickleError: the file would need code to be run; nothing was.
        BadInputError: an unknown name, device or dtype.
        FetchError: a file of the catalog is not cached and cannot be fetched.
    """
    dtype, place = resolve_dtype(dtype), resolve_device(device)
    path = _locate(path_or_name)
    parts, content = read_parts(path)
    source = _source(generator, path)
    encoder_path = path if encoder is None else _locate(encoder)
    made = _generator(parts, source, path, place, dtype)
    if encoder is not None:
        parts, _ = read_parts(encoder_path)
        if not parts.encoder:
            raise CheckpointError(f"{encoder} holds no encoder ({parts.system})")
    built = build_encoder(parts, made, dtype) if parts.encoder else None
    info = _info(str(path_or_name), content, made, built)
    info = replace(
        info,
        encoder_digest="" if built is None else _digest(encoder_path, info, path),
        generator_digest=_digest(source, info, path),
    )
    return Model(made, built, directions if directions is not None else Directions(), info)


def _locate(path_or_name: str | Path) -> Path:
    path = Path(path_or_name).expanduser()
    if path.exists() or isinstance(path_or_name, Path) or len(path.parts) > 1 or path.suffix:
        return path
    return fetch(str(path_or_name))


def _source(given: Generator | str | Path | None, path: Path) -> Generator | Path:
    """The generator, or the file that it is in: ``path``, unless another one is given."""
    if given is None:
        return path
    return given if isinstance(given, Generator) else _locate(given)


def _generator(
    parts: Parts,
    source: Generator | Path,
    path: Path,
    device: torch.device,
    dtype: torch.dtype,
) -> Generator:
    if isinstance(source, Generator):
        return source
    tensors = parts.generator if source == path else read_parts(source)[0].generator
    if not tensors:
        raise CheckpointError(
            f"{source} holds no generator; give one with generator=PATH_OR_NAME, for faces "
            "usually stylegan2-ffhq-config-f"
        )
    return StyleGAN2.from_state_dict(tensors).to(device, dtype)


def _info(asked: str, content: Content, generator: Generator, encoder: Encoder | None) -> ModelInfo:
    """What is known when everything comes from one file."""
    system = "stylegan2" if encoder is None else system_of(encoder)
    digest = sha256_of(content.path)
    return ModelInfo(
        system=system,
        resolution=generator.resolution,
        styles=generator.styles,
        steps=getattr(encoder, "default_steps", 0 if encoder is None else 1),
        source=asked,
        digest=digest,
        terms=content.metadata.get("terms") or _terms(asked, digest, system),
    )


def _digest(source: Generator | Path, info: ModelInfo, path: Path) -> str:
    """SHA-256 of a file, known where it is ``path`` itself, or of a generator's tensors."""
    if isinstance(source, Path):
        return info.digest if source == path else sha256_of(source)
    tensors = source.state_dict() if isinstance(source, nn.Module) else {}
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()


def _terms(asked: str, digest: str, system: str) -> str:
    """From the catalog, by name or by digest; otherwise what is known of the system."""
    for entry in load_catalog().values():
        if entry.name == asked or entry.sha256 == digest:
            return entry.terms
    return _TERMS.get(system, _OTHER_TERMS)
