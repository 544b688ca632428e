"""What a face does (pose, mouth, lids) in a few numbers, for a codes head that is told."""

from __future__ import annotations

import torch
from torch import Tensor

from videoinv.faces.contours import COUNT, FaceContours
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent
from videoinv.precision import Float32

FACES, BATCH = 128, 16
SIDE = 256


class Expression(Float32):
    """Aligned crops → the principal components of their contours, whitened, [B, components].

    Each number has a deviation of 1 over the generator's own faces, so that the opening of the
    lids counts as much as the head's turning. Where no face is seen all of them are 0, which is
    the mean face's. The mean of a place in the picture is many of its deviations, so both stay
    in float32.

    Args:
        components: how many.

    Raises:
        FetchError: the mesh or the eye network is neither cached nor fetched.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, components: int) -> None:
        super().__init__()
        # Not a module: its networks are neither trained nor kept with the weights.
        self._contours = FaceContours()
        self.register_buffer("mean", torch.zeros(COUNT))
        self.register_buffer("basis", torch.zeros(COUNT, components))

    def forward(self, crops: Tensor) -> Tensor:
        """[B, components] in float32, of crops [B, 3, S, S] in [−1, 1]."""
        described = self._contours.describe(crops).to(self.mean.device)
        return (described - self.mean).nan_to_num(nan=0.0) @ self.basis

    @torch.no_grad()
    def fit(self, generator: Generator) -> None:
        """Learn mean and components from the generator's faces, with a fixed seed.

        From a generator that shows no faces (an untrained one) there is nothing to be learnt, and
        nothing will be told.
        """
        z = torch.randn(FACES, 512, generator=torch.Generator().manual_seed(0))
        described = torch.cat([self._of(generator, noise) for noise in torch.split(z, BATCH)])
        described = described[described.isfinite().all(dim=1)]
        count = self.basis.shape[1]
        if len(described) <= count:
            return
        self.mean.copy_(described.mean(dim=0))
        _, values, components = torch.linalg.svd(described - described.mean(dim=0))
        deviations = values[:count] / len(described) ** 0.5
        self.basis.copy_((components[:count] / deviations[:, None]).T)

    def _of(self, generator: Generator, noise: Tensor) -> Tensor:
        codes = generator.map(noise.to(generator.device, generator.dtype))
        return self._contours.describe(generator.synthesize(Latent(codes), SIDE))
