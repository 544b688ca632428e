"""E2Style: shallow heads on an early trunk, refined by stages with their own weights.

Wei et al. 2022, "E2Style: Improve the Efficiency and Effectiveness of StyleGAN Inversion".
The trunk is cut after its third level; one linear head per level gives several rows at once
(§III-A). Stage 1 maps the image to codes; every further stage sees the image beside the previous
reconstruction and adds a residual (§III-B).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videoinv.encoders.backbones import IRSE50, backbone_like, stem_channels
from videoinv.encoders.images import SQUARE_256, Framing, check_images
from videoinv.encoders.stepwise import Stepwise
from videoinv.encoders.weights import assign, below, numbered
from videoinv.errors import BadInputError
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

LEVELS = ("output_layer_3", "output_layer_4", "output_layer_5")
"""The heads by their published names: coarse rows from c2, middle from c1, fine from c0."""


Stage = Callable[[int, Tensor | None], Tensor]
"""(t − 1, ŷ of the stage before) → what to add to the last codes; the first stage adds to the mean
and has no ŷ."""


@dataclass(frozen=True)
class HeadShape:
    """What the linear layer of one head tells: rows made and the side of its pooled map."""

    rows: int
    pool: int


class EfficientHead(nn.Sequential):
    """BN → average pooling → one linear layer for all rows of a level.

    The paper pools 7×7, 5×5 and 3×3 from deep to shallow (Table of §III-A); the published weights
    were made with 7×7 everywhere. Both load: the side is read from the linear layer.
    """

    def __init__(self, channels: int, shape: HeadShape, dim: int) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.AdaptiveAvgPool2d(shape.pool),
            nn.Flatten(),
            nn.Linear(channels * shape.pool**2, dim * shape.rows),
        )

        self.rows = shape.rows

    @staticmethod
    def shape_of(state: Mapping[str, Tensor], dim: int) -> HeadShape:
        """The head whose tensors ``state`` holds."""
        outputs, inputs = state["3.weight"].shape
        return HeadShape(outputs // dim, round((inputs / len(state["0.weight"])) ** 0.5))


class StageEncoder(nn.Module):
    """One stage: images [B, 3 or 6, 256, 256] → [B, L, 512]."""

    def __init__(self, backbone: IRSE50, heads: list[HeadShape], dim: int = 512) -> None:
        super().__init__()
        self.backbone = backbone
        self.dim = dim
        widths = backbone.widths[2::-1]
        self.heads = nn.ModuleList(
            EfficientHead(width, shape, dim) for width, shape in zip(widths, heads, strict=True)
        )

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor], dim: int = 512) -> StageEncoder:
        """The stage whose tensors ``state`` holds (names of this module), without copying."""
        heads = [EfficientHead.shape_of(below(state, f"heads.{level}."), dim) for level in range(3)]
        with torch.device("meta"):
            backbone = backbone_like(below(state, "backbone."), levels=3)
            if not isinstance(backbone, IRSE50):
                raise BadInputError("an E2Style stage stands on IR-SE50; this one has a ResNet34")
            stage = cls(backbone, heads, dim)
        return assign(stage, state)

    @property
    def rows(self) -> int:
        """L, over all heads."""
        return sum(head.rows for head in self.heads)  # type: ignore[misc]

    @property
    def channels(self) -> int:
        """Input channels of the stem."""
        return stem_channels(self.backbone)

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] → codes or their residual [B, L, dim]."""
        maps = self.backbone.maps(images)[::-1]
        rows = [head(level) for head, level in zip(self.heads, maps, strict=True)]
        codes = torch.cat(rows, dim=1)
        return codes.reshape(len(codes), -1, self.dim)


class Stages(nn.ModuleList):
    """All stages of an E2Style encoder, in order."""

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Tensor], dim: int = 512) -> Stages:
        """The stages named ``0.``, ``1.``, … in ``state``."""
        count = numbered(state, "{}.heads.0.3.weight")
        return cls(
            StageEncoder.from_state_dict(below(state, f"{stage}."), dim) for stage in range(count)
        )

    @property
    def rows(self) -> int:
        """L, the rows that a stage predicts."""
        first: StageEncoder = self[0]  # type: ignore[assignment]
        return first.rows


@dataclass(frozen=True)
class E2Style(Stepwise):
    """w_1 = E_1(x) + w̄;  w_t = E_t(x, G(w_{t−1})) + w_{t−1}."""

    net: Stages
    generator: Generator
    mean_codes: Tensor
    """w̄: [L, 512]."""
    framing: Framing = SQUARE_256

    @property
    def input_size(self) -> int:
        """Side in pixels at which the encoder looks at an image."""
        return self.framing.width

    @property
    def default_steps(self) -> int:
        """All the stages there are."""
        return len(self.net)

    @torch.no_grad()
    def encode_steps(
        self, images: Tensor, start: Latent | None = None, steps: int | None = None
    ) -> list[Latent]:
        """The latents after every stage that ran.

        Args:
            images: [B, C, H, W] in [−1, 1].
            start: has no meaning here. A stage has learnt to correct what the stage before it
                leaves; fed with its own result, frame after frame, it walks away from every face.
            steps: how many of the stages; all by default.

        Raises:
            BadInputError: if there are fewer stages than ``steps``, or the images do not fit.
        """
        del start
        steps = self.default_steps if steps is None else steps
        if not 1 <= steps <= len(self.net):
            raise BadInputError(f"this E2Style has stages 1 to {len(self.net)}; got steps={steps}")
        check_images(images, self.net[0].channels)  # type: ignore[arg-type]
        x = self.framing.fit(images.to(self.mean_codes))
        stage = self.stages(x)
        latents = [Latent(stage(0, None) + self.mean_codes)]
        for index in range(1, steps):
            codes = latents[-1].codes
            latents.append(Latent(codes + stage(index, self.seen(codes))))
        return latents

    def stages(self, x: Tensor) -> Stage:
        """E_t for images x at the encoder's size, with gradients: training runs the same line."""

        def stage(index: int, y: Tensor | None) -> Tensor:
            added: Tensor = self.net[index](x if y is None else torch.cat([x, y], dim=1))
            return added

        return stage

    def render(self, codes: Tensor) -> Tensor:
        """G(w), box-averaged to the frame; not clamped."""
        return self.framing.pool(self.generator.synthesize(Latent(codes)))

    def seen(self, codes: Tensor) -> Tensor:
        """What the next stage sees of them."""
        return self.render(codes)
