"""A light trunk with a codes head: what ReStyle steps, E2Style stages and phase I are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.light.codes_head import CodesHead, HeadSize, HeadSteps, code_basis
from videoinv.encoders.light.efficientnet import EfficientNetLite0, load_imagenet
from videoinv.encoders.light.expression import Expression
from videoinv.faces.embed import FaceEmbedder
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

COARSE_LAYER, MIDDLE_LAYER = 2, 4
"""Rows up to the features at 16² are coarse, those up to 64² middle ones, the others fine."""


@dataclass(frozen=True)
class LightSize:
    """Everything that the shape of a light encoder depends on, beside the generator."""

    side: int = 256
    """Side in pixels at which the encoder looks at an image."""
    head: HeadSize = field(default_factory=HeadSize)
    levels: int = 4
    """Maps of the trunk that are used; E2Style stages use three (§III-A of its paper)."""
    stages: int = 2
    """E2Style only."""
    feature_layer: int = 3
    """Feature-Style only: K, counted from 0; 32² in the default generator."""
    feature_width: int = 192
    """Feature-Style only: inner channels of its feature branch."""
    looks: int = 1
    """Feature-Style only: how often it looks; from the second time on at what is left over."""
    vector: int = 96
    """HyperInverter only: length of what a hypernetwork concludes from the two images."""
    rank: int = 12
    """HyperInverter only: rank of each weight's change."""


def row_groups(generator: Generator) -> tuple[int, ...]:
    """How many of the generator's rows are coarse, middle and fine; empty groups are left out."""
    last = generator.layers - 1
    coarse = generator.rows_through(min(COARSE_LAYER, last))
    middle = generator.rows_through(min(MIDDLE_LAYER, last))
    groups = (coarse, middle - coarse, generator.styles - middle)
    return tuple(rows for rows in groups if rows)


@dataclass(frozen=True)
class Told:
    """What a codes head is told of photographs, beside the trunk's maps.

    It does not depend on what was made of them so far: steps and stages share it.
    """

    person: Tensor | None
    """Unit embeddings [B, ``HeadSize.person``]; None for a head without this input."""
    expression: Tensor | None
    """[B, ``HeadSize.expression``] of unit deviation; None likewise."""


class CodesNet(nn.Module):
    """Images [B, 3, S, S] → what to add to the mean codes, [B, L, 512].

    Args:
        groups: see :func:`row_groups`.
        size: capacity.
        device: where the face-recognition network runs, for a head that is told who it is. That
            network, and those that say what the face does, have weights of their own, which are
            neither trained nor kept with these.

    Raises:
        FetchError: one of these networks is needed, and neither cached nor fetched.
    """

    def __init__(
        self,
        groups: tuple[int, ...],
        size: LightSize,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0(size.levels)
        self.codes = CodesHead(self.backbone.widths, groups, size.head)
        self.embedder = FaceEmbedder(device=device) if size.head.person else None
        components = size.head.expression
        self.expression = Expression(components) if components else None

    @property
    def channels(self) -> int:
        """Those of an image."""
        return 3

    def forward(self, images: Tensor, told: Told | None = None) -> Tensor:
        """[B, L, 512] in float32; ``told`` of the same photographs, where it is known already."""
        if told is None:
            told = self.tell(images)
        return self.read(self.backbone(images), told)

    def tell(self, photographs: Tensor) -> Told:
        """What the head is told of photographs [B, 3, S, S]."""
        return Told(
            self.embedder.embed_crops(photographs) if self.embedder else None,
            self.expression(photographs) if self.expression else None,
        )

    def steps(self, images: Tensor) -> HeadSteps:
        """What the codes head says of images [B, 3, S, S] on the way to its answer."""
        told = self.tell(images)
        return self.codes.steps(self.backbone(images), told.person, told.expression)

    def read(self, maps: Sequence[Tensor], told: Told) -> Tensor:
        """The codes head's answer to the trunk's maps of images, [B, L, 512]."""
        codes: Tensor = self.codes(maps, told.person, told.expression)
        return codes


def start_training(network: nn.Module, generator: Generator) -> None:
    """ImageNet weights into every trunk, and the generator's W and its faces into every head."""
    basis = code_basis(generator)
    for module in network.modules():
        if isinstance(module, EfficientNetLite0):
            load_imagenet(module)
        elif isinstance(module, CodesHead):
            module.basis.copy_(basis)
        elif isinstance(module, Expression):
            module.fit(generator)


def render_smaller(generator: Generator, codes: Tensor, side: int) -> Tensor:
    """G(w) at a side, from half of it: a refining step needs no more, and it costs a third."""
    small = generator.synthesize(Latent(codes), side // 2)
    return F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
