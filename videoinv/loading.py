"""One name → one model: the default one, or a published checkpoint by path or catalog name."""

from __future__ import annotations

from dataclasses import replace

import torch

from videoinv.default import OPTIMIZE, load_default
from videoinv.devices import has_fast_bfloat16, resolve_device, resolve_dtype
from videoinv.editing.directions import load_directions
from videoinv.errors import BadInputError
from videoinv.losses.lpips import load_lpips
from videoinv.model import Model
from videoinv.optimize import OptimizeEncoder, OptimizeSettings
from videoinv.published.load import load_model

OFFSET_SIDE = 32
"""Side of the features to which optimisation adds its ΔF."""


def load_by_name(
    name: str = "default",
    *,
    encoder: str | None = None,
    generator: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> Model:
    """The model that ``--model`` means.

    Args:
        name: ``default``, a catalog name, or a path to a checkpoint of any published system.
        encoder: ``optimize`` for any model; for the default model the name of a shipped encoder
            or a file that training made; beside a checkpoint, a file whose encoder is to be used.
        generator: path or name of the generator, for checkpoints that bring none.
        device: ``auto`` is the first GPU, else the processor.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``auto``: bfloat16 for the default model
            where the device computes it in hardware, float32 for published checkpoints.

    Raises:
        BadInputError: an unknown name, encoder, device or dtype; a generator beside the default.
        CheckpointError, FetchError: see :func:`videoinv.published.load.load_model`.
    """
    where = resolve_device(device)
    if dtype == "auto":
        dtype = "bfloat16" if name == "default" and has_fast_bfloat16(where) else "float32"
    kind = resolve_dtype(dtype)
    if name == "default":
        if generator is not None:
            raise BadInputError(
                f"generator is {generator!r}, but the default model brings its own: leave it out, "
                "or name the checkpoint that it is for"
            )
        return load_default(encoder, where, kind)
    optimize = encoder == OPTIMIZE
    model = load_model(
        name,
        generator=generator,
        encoder=None if optimize else encoder,
        directions=load_directions(),
        device=where,
        dtype=kind,
    )
    return _with_optimizer(model, where, kind) if optimize else model


def _with_optimizer(model: Model, device: torch.device, dtype: torch.dtype) -> Model:
    """The model with optimisation in place of its encoder, ΔF at 32² as in the default model."""
    generator = model.generator
    sides = [generator.feature_shape(layer)[1] for layer in range(generator.layers)]
    settings = OptimizeSettings(
        feature_layer=max(layer for layer, side in enumerate(sides) if side <= OFFSET_SIDE),
        size=min(OptimizeSettings.size, generator.resolution),
    )
    encoder = OptimizeEncoder(generator, load_lpips().to(device, dtype), settings)
    system = f"{model.info.system} with {OPTIMIZE}"
    info = replace(model.info, system=system, steps=0, encoder_digest="")
    return replace(model, encoder=encoder, info=info)
