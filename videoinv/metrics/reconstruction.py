"""How well an inversion shows its source: the five numbers of the papers' tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from videoinv.faces.embed import FaceEmbedder
from videoinv.losses.cosine import cosine_distance
from videoinv.losses.lpips import Lpips, load_lpips
from videoinv.losses.pixel import squared_error
from videoinv.metrics.ssim import ssim


@dataclass(frozen=True)
class Scores:
    """Means over images."""

    lpips: float
    """LPIPS v0.1 with AlexNet; lower is better."""
    mse: float
    """Mean squared error on [−1, 1]; lower is better."""
    psnr: float
    """In dB on [0, 1]; higher is better."""
    ssim: float
    """Higher is better."""
    identity: float
    """Cosine of MobileFaceNet embeddings under the source's alignment; higher is better."""

    def as_dict(self) -> dict[str, float]:
        """For tables and JSON."""
        return asdict(self)


class ReconstructionMetrics:
    """The networks that measuring needs, loaded once.

    Args:
        lpips: the perceptual network; from the catalog when None.
        embedder: the identity network; from the catalog when None.
        device: where they run.
    """

    def __init__(
        self,
        lpips: Lpips | None = None,
        embedder: FaceEmbedder | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._lpips = (lpips or load_lpips()).to(device)
        self._embedder = embedder or FaceEmbedder(device=device)

    @torch.no_grad()
    def measure(self, images: Tensor, sources: Tensor) -> list[Scores]:
        """The scores of each aligned image against its source, [B, 3, S, S] in [−1, 1] each.

        Images are clamped first, as a file would.
        """
        images, sources = images.float().clamp(-1, 1), sources.float()
        error = squared_error(images, sources)
        rows = torch.stack(
            [
                self._lpips(images, sources),
                error,
                psnr(images, sources),
                ssim(images / 2 + 0.5, sources / 2 + 0.5),
                1 - cosine_distance(*map(self._embedder.embed_crops, (images, sources))),
            ],
            dim=1,
        )
        return [Scores(*row) for row in rows.tolist()]


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio 10·log₁₀(4 / MSE) in dB of image pairs in [−1, 1] → [B]."""
    return 10 * torch.log10(4 / squared_error(a, b))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of each number over images.

    Raises:
        ValueError: if there are none.
    """
    if not scores:
        raise ValueError("no scores to average")
    table = torch.tensor([list(score.as_dict().values()) for score in scores], dtype=torch.float64)
    return Scores(*table.mean(dim=0).tolist())
