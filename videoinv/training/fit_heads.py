"""Fit the image heads by regression against the reduced output of the whole generator.

The samples cover w⁺ and more: rows of two styles are crossed and stretched one by one, and half
of them carry a feature offset, because that is what inversion of real faces will feed the heads.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from videoinv.checkpoints.cache import atomic_path
from videoinv.generators.image_head import ImageHead
from videoinv.generators.mobile_layers import STYLE_DIM
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.latents import Features, Latent
from videoinv.metrics.reconstruction import psnr

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Distance of image pairs [B, 3, H, W] in [−1, 1] each → [B]."""
OFFSET_LAYER = 3
RIDGE = 1e-4
SCORE_SEED = 777
REPORT_EVERY = 200
"""Steps from one line of the log, and one saved file, to the next."""
EDGE = 4
"""Pixels next to a crop's inner border that see padding instead of their neighbours."""


@dataclass(frozen=True)
class HeadRecipe:
    """Settings of the regression."""

    seconds: float = 5400
    pool: int = 64
    """Samples kept in memory; the oldest is replaced every ``refresh`` steps."""
    refresh: int = 2
    batch: int = 4
    crop: int = 64
    """Side of the crops in feature pixels."""
    learning_rate: float = 1e-3
    clip: float = 0.2
    """Largest norm of the gradient: a few samples lie far outside and would undo many steps."""
    perceptual: float = 0.1
    """Weight of LPIPS beside the mean squared error."""
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """What one latent gives at every head: features, rows and the image to match."""

    features: Mapping[int, Tensor]
    rows: Mapping[int, Tensor]
    targets: Mapping[int, Tensor]


def random_latent(generator: MobileStyleGAN, rng: torch.Generator) -> Latent:
    """One latent [1, L, 512] from the neighbourhood in which inversions live."""
    device = generator.device
    z = torch.randn(3, STYLE_DIM, generator=rng).to(device)
    first, second, third = generator.map(z)
    crossed = torch.rand(generator.styles, 1, generator=rng) < 0.3 * torch.rand(1, generator=rng)
    stretch = torch.empty(generator.styles, 1).uniform_(0.8, 1.25, generator=rng)
    truncation = torch.empty(1).uniform_(0.4, 1.0, generator=rng)
    rows = torch.where(crossed.to(device), second, first) - generator.mean_codes
    codes = (generator.mean_codes + (truncation * stretch).to(device) * rows)[None].to(
        generator.dtype
    )
    if torch.rand(1, generator=rng) < 0.5:
        return Latent(codes)
    amount = torch.empty(1).uniform_(0.0, 0.5, generator=rng).to(device)
    other = generator.features(third[None], OFFSET_LAYER)
    offset = amount * (other - generator.features(codes, OFFSET_LAYER))
    return Latent(codes, Features(offset.to(codes), OFFSET_LAYER, "add"))


@torch.no_grad()
def draw_sample(generator: MobileStyleGAN, rng: torch.Generator) -> Sample:
    """Render one random latent and keep what the heads need, in half precision."""
    latent = random_latent(generator, rng)
    layers = [int(k) for k in generator.heads]
    features = dict(generator.walk(latent, generator.layers - 1))
    image = generator.to_img(features[generator.layers - 1], latent.codes[:, -1])
    rows = {k: latent.codes[0, generator.rows_through(k) :].float() for k in layers}
    targets = {k: F.interpolate(image.float(), size=8 << k, mode="area")[0].half() for k in layers}
    kept = {k: features[k][0].half() for k in layers}
    return Sample(kept, rows, targets)


@dataclass(frozen=True)
class Crop:
    """A square window of the feature maps of one layer."""

    layer: int
    top: int
    left: int
    side: int

    @classmethod
    def random(cls, layer: int, side: int, rng: torch.Generator) -> Crop:
        """A window of at most ``side`` anywhere in the layer's maps."""
        full = 4 << layer
        side = min(side, full)
        top, left = (int(torch.randint(0, full - side + 1, (1,), generator=rng)) for _ in "yx")
        return cls(layer, top, left, side)


def render_crop(head: nn.Module, samples: list[Sample], crop: Crop) -> tuple[Tensor, Tensor]:
    """What the head makes of a crop of each sample, and what it should make."""
    layer, top, left, side = crop.layer, crop.top, crop.left, crop.side
    x = torch.stack([s.features[layer][:, top : top + side, left : left + side] for s in samples])
    rows = torch.stack([s.rows[layer] for s in samples])
    window = (slice(None), slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side)))
    wanted = torch.stack([s.targets[layer][window] for s in samples]).float()
    inner = (..., _inner(top, side, 4 << layer), _inner(left, side, 4 << layer))
    return head(x.float(), rows)[inner], wanted[inner]


def _inner(start: int, side: int, full: int) -> slice:
    """Image pixels of a crop whose surroundings it contains, or that lie at the image's edge."""
    low = 0 if start == 0 else EDGE
    high = 2 * side if start + side == full else 2 * side - EDGE
    return slice(low, high)


def begin_from_regression(head: ImageHead, samples: list[Sample], layer: int) -> None:
    """Set a head's gains to 1/std of its channels, and its linear part by least squares.

    Adam's steps then have one size for loud and faint channels, and start at the best linear
    head instead of at noise.
    """
    x = torch.cat([_pixels(s.features[layer][None].float()) for s in samples])
    y = torch.cat([_pixels(haar(s.targets[layer][None].float())) for s in samples])
    deviation = x.std(dim=0).clamp(min=1e-3)
    x = torch.cat([x / deviation, torch.ones(len(x), 1, device=x.device)], dim=1)
    gram = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1], device=x.device)
    solution = torch.linalg.solve(gram, x.T @ y)
    with torch.no_grad():
        head.style.gain.copy_(1 / deviation)
        head.branch_style.gain.copy_(1 / deviation)
        head.weight.copy_(solution[:-1].T)
        head.bias.copy_(solution[-1])


def _pixels(x: Tensor, stride: int = 5) -> Tensor:
    """[1, C, H, W] → [N, C], every few pixels."""
    return x[0, :, ::stride, ::stride].flatten(1).T


def haar(image: Tensor) -> Tensor:
    """The orthonormal Haar bands [B, 4C, H, W] of [B, C, 2H, 2W], in ``inverse_haar``'s order."""
    a, b, c, d = F.pixel_unshuffle(image, 2).reshape(len(image), image.shape[1], 4, -1).unbind(2)
    low, vertical = (a + b + c + d) / 2, (a + b - c - d) / 2
    horizontal, diagonal = (a - b + c - d) / 2, (a - b - c + d) / 2
    high = torch.stack([vertical, horizontal, diagonal], dim=2).flatten(1, 2)
    bands = torch.cat([low, high], dim=1)
    return bands.reshape(len(image), -1, image.shape[2] // 2, image.shape[3] // 2)


class HeadFit:
    """Heads that are being fitted side by side, and the samples that they are fitted on.

    The samples are drawn in the generator's dtype, the heads are trained in float32: bfloat16
    draws several times faster, and its rounding lies far below what a head can reach.

    Args:
        generator: whose heads are copied.
        recipe: the settings.
        perceptual: LPIPS of two batches [B, 3, H, W] → [B]; without it squared errors alone count.
        resume: go on from the generator's own heads, in place of a linear regression.
    """

    def __init__(
        self,
        generator: MobileStyleGAN,
        recipe: HeadRecipe,
        perceptual: Perceptual | None = None,
        *,
        resume: bool = False,
    ) -> None:
        self.step = 0
        self._generator, self._recipe, self._perceptual = generator, recipe, perceptual
        self._rng = torch.Generator().manual_seed(recipe.seed)
        self._pool = [draw_sample(generator, self._rng) for _ in range(recipe.pool)]
        self.heads = copy.deepcopy(generator.heads).float()
        if not resume:
            for name, head in self.heads.items():
                assert isinstance(head, ImageHead)
                begin_from_regression(head, self._pool[: recipe.pool // 4], int(name))
        self.heads.requires_grad_(True)
        self._optimiser = torch.optim.Adam(
            self.heads.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98)
        )
        self._average = {int(name): torch.zeros((), device=generator.device) for name in self.heads}

    @property
    def psnr(self) -> dict[int, float]:
        """Running mean of PSNR in dB by output side, on the samples of the last steps."""
        return {8 << layer: float(value) for layer, value in self._average.items()}

    def advance(self, done: float) -> None:
        """One step of all heads; ``done`` is the part of the whole that lies behind."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.learning_rate * min(1.0, 0.02 + 1.6 * (1 - done) ** 1.5)
        samples = self._choose()
        self._optimiser.zero_grad(set_to_none=True)
        for name, head in self.heads.items():
            self._loss(int(name), head, samples).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.heads.parameters(), self._recipe.clip)
        self._optimiser.step()
        self.step += 1

    def _choose(self) -> list[Sample]:
        """A batch from the pool; now and then one of its samples is replaced before."""
        recipe = self._recipe
        if self.step % recipe.refresh == 0:
            oldest = (self.step // recipe.refresh) % recipe.pool
            self._pool[oldest] = draw_sample(self._generator, self._rng)
        chosen = torch.randint(0, recipe.pool, (recipe.batch,), generator=self._rng)
        return [self._pool[int(i)] for i in chosen]

    def _loss(self, layer: int, head: nn.Module, samples: list[Sample]) -> Tensor:
        """The loss of one head on a random crop of the samples; its PSNR joins the mean."""
        made, wanted = render_crop(head, samples, Crop.random(layer, self._recipe.crop, self._rng))
        now = psnr(made.detach(), wanted).mean()
        self._average[layer] = self._average[layer].lerp(now, 0.02 if self.step > 50 else 0.5)
        loss = F.mse_loss(made, wanted)
        if self._perceptual is not None:
            loss = loss + self._recipe.perceptual * self._perceptual(made, wanted).mean()
        return loss


def fit_heads(
    generator: MobileStyleGAN,
    output: Path,
    recipe: HeadRecipe,
    perceptual: Perceptual | None = None,
    report: Callable[[str], None] = print,
    *,
    resume: bool = False,
) -> None:
    """Train all heads of a generator for ``recipe.seconds`` and save them in half precision.

    They are saved now and then on the way.

    Args:
        generator: whose heads are fitted; it stays as it is.
        output: the safetensors file.
        recipe: the settings.
        perceptual: see :class:`HeadFit`.
        report: is told lines for the log.
        resume: see :class:`HeadFit`.
    """
    begin = time.monotonic()
    fit = HeadFit(generator, recipe, perceptual, resume=resume)
    report(f"{recipe.pool} samples and first heads after {time.monotonic() - begin:.0f} s")
    while (done := (time.monotonic() - begin) / recipe.seconds) < 1:
        fit.advance(done)
        if fit.step % REPORT_EVERY == 0:
            reached = {side: f"{value:.2f} dB" for side, value in fit.psnr.items()}
            report(f"step {fit.step}, {done:.0%}: {reached}")
            save_heads(fit.heads, output)
    save_heads(fit.heads, output)


@torch.no_grad()
def score_heads(
    generator: MobileStyleGAN, perceptual: Perceptual, count: int
) -> dict[int, tuple[float, float]]:
    """Mean PSNR in dB and LPIPS by output side, on samples that no fit has seen (ψ 0.7 to 1)."""
    rng = torch.Generator().manual_seed(SCORE_SEED)
    scores: dict[int, list[tuple[float, float]]] = {8 << int(k): [] for k in generator.heads}
    for index in range(count):
        z = torch.randn(1, STYLE_DIM, generator=rng).to(generator.device)
        latent = Latent(generator.map(z, (1.0, 0.85, 0.7)[index % 3]))
        full = generator.synthesize(latent)
        for side, rows in scores.items():
            wanted = F.interpolate(full, size=(side, side), mode="area")
            made = generator.synthesize(latent, side)
            rows.append((psnr(made, wanted).item(), perceptual(made, wanted).item()))
    return {
        side: (statistics.fmean(r[0] for r in rows), statistics.fmean(r[1] for r in rows))
        for side, rows in scores.items()
    }


def save_heads(heads: nn.Module, output: Path) -> None:
    """Write the heads as half-precision safetensors, completely or not at all."""
    state = {name: tensor.detach().half() for name, tensor in heads.state_dict().items()}
    with atomic_path(output) as partial:
        save_file(state, partial)
