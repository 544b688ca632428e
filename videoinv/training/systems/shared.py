"""What several systems need: parts that stand still, and images of codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from videoinv.generators.protocol import Generator
from videoinv.latents import Latent
from videoinv.training.systems.protocol import Inversion, Role, System


@contextmanager
def without_gradients() -> Iterator[None]:
    """Compute without gradients, and let what follows have them.

    Within an autocast block torch keeps the weights that it has rounded. Up to about 2.9 it takes
    those that were made here where gradients are wanted, too, and they lead to no weight.
    """
    try:
        with torch.no_grad():
            yield
    finally:
        torch.clear_autocast_cache()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Run a network as one that has been trained: in evaluation mode and without gradients.

    Batch norms then use their running statistics and leave them as they are. Afterwards every
    part is in the mode in which it was before.
    """
    before = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        with without_gradients():
            yield
    finally:
        for part, training in before:
            part.training = training


def of_codes(system: System, latent: Latent, step: int, role: Role) -> Inversion:
    """An image without features: small in most steps, and now and then at the encoder's size."""
    encoder, recipe = system.encoder, system.recipe
    if step % recipe.full_every == 0 or recipe.small_side >= encoder.input_size:
        image = system.render(latent)
    else:
        image = render(encoder.generator, latent, recipe.small_side)
    return Inversion(latent, image, role)


def render(generator: Generator, latent: Latent, side: int) -> Tensor:
    """The images [B, 3, side, side] of a latent, in float32 and with gradients; not clamped."""
    return generator.synthesize(latent.to(dtype=generator.dtype), side).float()
