"""Faces with known codes, as many as one likes: sampled from the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoinv.editing.directions import load_directions
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


@dataclass(frozen=True)
class Sampling:
    """Where the codes come from."""

    truncation: tuple[float, float] = (0.7, 1.0)
    """ψ is drawn evenly between these, once for every image."""
    crossing: float = 0.5
    """Probability that rows from a random one on come from a second style (StyleGAN's mixing)."""
    blending: float = 0.25
    """Probability that every row is drawn towards the second style by an amount of its own.

    Crossing and blending leave W for W⁺, where the codes of real faces lie.
    """
    moved: float = 0.0
    """Deviation of a random strength of each direction that comes with the package: generated faces
    seldom laugh, speak or turn. For generators that share the default one's W."""


W_ONLY = Sampling((1.0, 1.0), 0.0, 0.0)
"""One style for all rows at full strength, as the Feature-Style paper samples."""


def sample_codes(generator: Generator, count: int, how: Sampling, rng: torch.Generator) -> Tensor:
    """Codes [count, L, 512] drawn on the CPU by ``rng``, on the generator's device."""
    z = torch.randn(2, count, 512, generator=rng)
    rows = torch.arange(generator.styles)
    boundary = torch.randint(1, generator.styles, (count, 1), generator=rng)
    crossed = (torch.rand(count, 1, generator=rng) < how.crossing) & (rows >= boundary)
    blended = torch.rand(count, 1, generator=rng) < how.blending
    amount = torch.rand(count, generator.styles, generator=rng) * blended
    share = torch.where(crossed, 1 - amount, amount)[..., None]
    psi = torch.empty(count, 1, 1).uniform_(*how.truncation, generator=rng)
    first, second = (_map(generator, noise) for noise in z)
    codes = first.lerp(second, share.to(first))
    mean = generator.mean_codes
    codes = mean + psi.to(mean) * (codes - mean)
    if how.moved:
        directions = [each.rows(generator.styles) for each in load_directions().values()]
        strengths = how.moved * torch.randn(count, len(directions), generator=rng)
        codes = codes + torch.tensordot(strengths, torch.stack(directions), 1).to(codes)
    return codes


def random_codes(generator: Generator, count: int) -> Tensor:
    """Codes [count, L, 512] of random styles, on the generator's device and in its dtype.

    PyTorch's own generator draws them, on the CPU: a checkpoint holds that one's state and none
    of a GPU's.
    """
    return _map(generator, torch.randn(count, 512))


@torch.no_grad()
def sample_faces(
    generator: Generator, count: int, how: Sampling, size: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Codes [count, L, 512] and their images [count, 3, size, size], clamped to [−1, 1]."""
    codes = sample_codes(generator, count, how, rng)
    images = generator.synthesize(Latent(codes), size)
    return codes.float(), images.float().clamp(-1, 1)


def _map(generator: Generator, z: Tensor) -> Tensor:
    """Codes [B, L, 512] of noise [B, 512] from the CPU."""
    return generator.map(z.to(generator.device, generator.dtype))
