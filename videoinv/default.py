"""The default model: MobileStyleGAN-FFHQ at 1024 px with what this project made for it."""

from __future__ import annotations

import torch

from videoinv.checkpoints.catalog import load_catalog
from videoinv.editing.directions import load_directions
from videoinv.errors import BadInputError
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.losses.lpips import load_lpips
from videoinv.model import Model, ModelInfo
from videoinv.optimize import OptimizeEncoder

ENCODERS = ("optimize",)


def load_default(
    encoder: str = "optimize",
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Model:
    """The default generator, one of our encoders for it, and our directions.

    Raises:
        BadInputError: if the encoder is none of :data:`ENCODERS`.
        FetchError: if the weights are not cached and cannot be fetched.
    """
    if encoder not in ENCODERS:
        raise BadInputError(f"encoder is '{encoder}'; the default model has {', '.join(ENCODERS)}")
    generator = load_mobilestylegan().to(device=device, dtype=dtype)
    published = load_catalog()["mobilestylegan-synthesis-bin"]
    info = ModelInfo(
        system=f"mobilestylegan with {encoder}",
        resolution=generator.resolution,
        styles=generator.styles,
        steps=0,
        source="default",
        digest=published.sha256 or "",
        terms=published.terms,
    )
    inverter = OptimizeEncoder(generator, load_lpips().to(device, dtype))
    return Model(generator, inverter, load_directions(), info)
