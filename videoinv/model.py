"""A model: one generator, one encoder and the directions that edit its latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from videoinv.editing.delta import YIELD, edit_features
from videoinv.editing.directions import Directions
from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


@dataclass(frozen=True)
class ModelInfo:
    """What was loaded, for people and for reports."""

    system: str
    """``restyle-psp``, ``e2style``, …; ``stylegan2`` for a generator alone; the default model names
    generator and encoder, ``mobilestylegan with feature-style``."""
    resolution: int
    """Side of the generator's output in pixels."""
    styles: int
    """L, rows of the codes."""
    steps: int
    """What the encoder runs by default: ReStyle's steps, E2Style's stages, HyperInverter's phases,
    looks of a light Feature-Style encoder; 1 for one pass. 0: no encoder, or optimisation."""
    source: str
    """The path or the catalog name that was asked for."""
    digest: str
    """SHA-256 of the file that was asked for."""
    terms: str
    """What one must know before using or passing on the weights."""
    encoder_digest: str = ""
    """SHA-256 of the file that the encoder is from; empty without one."""
    generator_digest: str = ""
    """SHA-256 of the file that the generator is from; for one handed over, of its tensors."""


@dataclass(frozen=True)
class Model:
    """What a name on the command line (``--model``) resolves to."""

    generator: Generator
    encoder: Encoder | None
    directions: Directions
    info: ModelInfo

    def invert(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> Latent:
        """The latents of images. One call at a time: the networks that look at faces keep state.

        Args:
            images: float [B, 3, H, W] in [−1, 1]; resized as the encoder wants.
            start: the latent to refine from, where the system refines.
            steps: how many steps, stages, phases or looks; ``None`` is the system's default.

        Raises:
            BadInputError: if the model has no encoder, or the arguments do not suit it.
        """
        if self.encoder is None:
            raise BadInputError(
                f"{self.info.source} holds a generator and no encoder: load it with "
                "encoder=PATH_OR_NAME, or invert by optimisation"
            )
        return self.encoder.encode(images, start, steps)

    def edit(self, latent: Latent, edits: Mapping[str, float]) -> Latent:
        """The latent with directions added to its codes; features follow, see ``delta.py``.

        Args:
            latent: of any number of images.
            edits: strength by the name of a direction.

        Raises:
            BadInputError: if a direction is unknown.
        """
        codes = latent.codes
        for name, strength in edits.items():
            codes = codes + strength * self.directions[name].rows(codes.shape[1]).to(codes)
        return edit_features(self.generator, latent, codes, YIELD)
