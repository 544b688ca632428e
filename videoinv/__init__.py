"""videoinv: images in, latents and images out; knows nothing of video.

model = videoinv.load("default")
latent = model.invert(images)                  # float [B, 3, H, W] in [−1, 1]
edited = model.edit(latent, {"smile": 2.0})
image = model.generator.synthesize(edited)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videoinv.model import Model

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(
    name: str = "default",
    *,
    encoder: str | None = None,
    generator: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> Model:
    """A model by name, or from a published checkpoint.

    Arguments and errors are those of :func:`videoinv.loading.load_by_name`.
    """
    from videoinv.loading import load_by_name

    return load_by_name(name, encoder=encoder, generator=generator, device=device, dtype=dtype)
