"""What no generator takes: latents that would fail deep inside, or be ignored silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Features, Latent


def check_size(generator: Generator, size: int) -> None:
    """Refuse a side in pixels that the generator does not reach.

    Raises:
        BadInputError: if it is below 1 or above the resolution.
    """
    if not 1 <= size <= generator.resolution:
        raise BadInputError(
            f"no image of {size} pixels from a generator of {generator.resolution}: ask for 1 to "
            f"{generator.resolution} pixels, and enlarge the image"
        )


def check_latent(
    generator: Generator, latent: Latent, weights: Callable[[], Mapping[str, Tensor]]
) -> None:
    """Refuse a latent of another generator.

    Args:
        generator: the one that shall render it.
        latent: of any number of images.
        weights: the weights that take an offset, by name; asked only where there are offsets.

    Raises:
        BadInputError: if the codes, the features or an offset have another shape than the
            generator takes, or the offset's weight is none of ``weights``.
    """
    wanted = list(generator.mean_codes.shape)
    if latent.codes.dim() != 3 or list(latent.codes.shape[1:]) != wanted:
        raise BadInputError(
            f"codes of shape {list(latent.codes.shape)} for a generator of {generator.resolution} "
            f"pixels, which takes [B, {wanted[0]}, {wanted[1]}]"
        )
    if latent.features is not None:
        _check_features(generator, latent.features, len(latent))
    if latent.weight_offsets:
        _check_offsets(latent.weight_offsets, weights(), len(latent))


def _check_features(generator: Generator, features: Features, count: int) -> None:
    wanted = [count, *generator.feature_shape(features.layer)]
    if list(features.tensor.shape) != wanted:
        raise BadInputError(
            f"features of shape {list(features.tensor.shape)} at layer {features.layer}, where "
            f"these codes need {wanted}"
        )


def _check_offsets(
    offsets: Mapping[str, Tensor], weights: Mapping[str, Tensor], count: int
) -> None:
    for name, offset in offsets.items():
        if name not in weights:
            raise BadInputError(
                f"no weight {name!r} takes an offset; those that do are {', '.join(weights)}"
            )
        wanted = [count, *weights[name].shape]
        if list(offset.shape) != wanted:
            raise BadInputError(
                f"a weight offset of shape {list(offset.shape)} for {name}, where these codes "
                f"need {wanted}"
            )
