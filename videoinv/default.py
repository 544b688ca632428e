"""The default model: MobileStyleGAN-FFHQ at 1024 px with what this project made for it."""

from __future__ import annotations

from pathlib import Path

import torch

from videoinv.checkpoints.cache import sha256_of
from videoinv.checkpoints.catalog import load_catalog
from videoinv.editing.directions import load_directions
from videoinv.encoders.light.files import load_light
from videoinv.encoders.light.shipped import shipped_encoders
from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.losses.lpips import load_lpips
from videoinv.model import Model, ModelInfo
from videoinv.optimize import OptimizeEncoder

OPTIMIZE = "optimize"
DEFAULT_ENCODER = "feature-style"


def load_default(
    encoder: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Model:
    """The default generator, an encoder for it, and our directions.

    Args:
        encoder: ``optimize``, the name of a shipped encoder, or a file of ``videoinv train``;
            ``None`` is :data:`DEFAULT_ENCODER`.
        device: of all networks.
        dtype: of generator and encoder.

    Raises:
        BadInputError: an unknown encoder.
        CheckpointError: the file is no encoder for this generator.
        FetchError: the generator's weights are not cached and cannot be fetched.
    """
    name = encoder or DEFAULT_ENCODER
    path = encoder_file(name)
    generator = load_mobilestylegan().to(device=device, dtype=dtype)
    inverter: Encoder = (
        load_light(path, generator, dtype)
        if path is not None
        else OptimizeEncoder(generator, load_lpips().to(device, dtype))
    )
    published = load_catalog()["mobilestylegan-synthesis-bin"]
    info = ModelInfo(
        system=f"mobilestylegan with {name}",
        resolution=generator.resolution,
        styles=generator.styles,
        steps=0 if path is None else getattr(inverter, "default_steps", 1),
        source="default",
        digest=published.sha256 or "",
        terms=published.terms,
        encoder_digest="" if path is None else sha256_of(path),
        generator_digest=published.sha256 or "",
    )
    return Model(generator, inverter, load_directions(), info)


def encoder_file(name: str) -> Path | None:
    """Where the weights of an encoder for the default generator are; ``None``: it has none.

    Args:
        name: as for :func:`load_default`.

    Raises:
        BadInputError: an unknown encoder.
    """
    if name == OPTIMIZE:
        return None
    shipped = shipped_encoders()
    if name in shipped:
        return shipped[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    raise BadInputError(
        f"encoder is '{name}'; the default model has {', '.join([*shipped, OPTIMIZE])}, or give "
        "a file that 'videoinv train' made"
    )
