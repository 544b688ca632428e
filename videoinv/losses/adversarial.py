"""The non-saturating adversarial terms with R1, and the discriminator of codes.

HyperInverter uses them on images (Dinh et al. 2022, §3.5), e4e on codes (Tov et al. 2021, §5.1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def generator_term(scores: Tensor) -> Tensor:
    """L_adv = E[softplus(−D(x̃))]: what makes fakes look real; scores [B] or [B, …] → scalar."""
    return F.softplus(-scores.float()).mean()


def discriminator_term(real: Tensor, fake: Tensor) -> Tensor:
    """L_D = ½·(E[softplus(−D(x))] + E[softplus(D(x̃))]) of two tensors of scores → scalar."""
    return (F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()) / 2


def r1_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """R₁ = ½·E‖∇D(x)‖² on real samples (Mescheder et al. 2018), to be weighted by γ → scalar."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1).mean() / 2


class LatentDiscriminator(nn.Sequential):
    """e4e's D_W: does a row look as if the mapping network had made it? [N, 512] → [N].

    Four layers of 512 with leaky ReLUs of slope 0.2 between them, and one that scores.
    """

    def __init__(self, dim: int = 512, depth: int = 4) -> None:
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(dim, dim), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Linear(dim, 1), nn.Flatten(0))


class ImageDiscriminator(nn.Sequential):
    """A small discriminator of images [B, 3, S, S] → [B], where no published one is at hand.

    Strided convolutions down to 4², as in DCGAN, without normalisation, which R1 asks for.
    """

    def __init__(self, size: int = 256, width: int = 32, widest: int = 256) -> None:
        layers: list[nn.Module] = []
        channels, side = 3, size
        while side > 4:
            after = min(width, widest)
            layers += [nn.Conv2d(channels, after, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels, side, width = after, side // 2, width * 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * side**2, 1), nn.Flatten(0))
