"""Three small networks of face-api: facial expression, landmarks, and age with gender."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.checkpoints.fetch import fetch
from videoinv.faces.face_api import (
    Convolution,
    Dense,
    SeparableConvolution,
    Weights,
    normalise,
    read_weights,
    same_padding,
)

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


class _DenseNetwork(nn.Module):
    """Four dense blocks of separable convolutions, a mean over the places, and a linear layer.

    Args:
        weights: the tensors by name, as ``read_weights`` returns them.
    """

    files: ClassVar[tuple[str, str]]
    """Manifest and weights in the catalog."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_DenseBlock(weights, f"dense{i}") for i in range(4)))
        self.head = Dense(weights, "fc")

    @classmethod
    def load(cls, manifest: Path | None = None, binary: Path | None = None) -> Self:
        """The network with the published weights; fetched by the catalog when None."""
        known_manifest, known_binary = cls.files
        return cls(read_weights(manifest or fetch(known_manifest), binary or fetch(known_binary)))

    def forward(self, images: Tensor) -> Tensor:
        """Faces [B, 3, 112, 112] in [−1, 1] → the numbers of each, [B, C]."""
        numbers: Tensor = self.head(self.blocks(normalise(images)).mean(dim=(2, 3)))
        return numbers


class ExpressionNetwork(_DenseNetwork):
    """One logit per entry of ``EXPRESSIONS``, [B, 7]."""

    files = ("expression-manifest", "expression-bin")


class LandmarkNetwork(_DenseNetwork):
    """The 68 iBUG points, [B, 68, 2] as parts of the side.

    Not as exact as dlib's or the mesh, but differentiable.
    """

    files = ("landmarks-net-manifest", "landmarks-net-bin")

    def forward(self, images: Tensor) -> Tensor:
        """Faces [B, 3, 112, 112] in [−1, 1] → points [B, 68, 2]."""
        return super().forward(images).view(len(images), -1, 2)


class AgeGenderNetwork(nn.Module):
    """A small Xception (Chollet 2017); years, and the logit of female over male.

    Args:
        weights: the tensors by name, as ``read_weights`` returns them.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.stem = Convolution(weights, "entry_flow/conv_in", stride=2)
        self.entry0 = _ReductionBlock(weights, "entry_flow/reduction_block_0")
        self.entry1 = _ReductionBlock(weights, "entry_flow/reduction_block_1")
        self.middle0 = _MiddleBlock(weights, "middle_flow/main_block_0")
        self.middle1 = _MiddleBlock(weights, "middle_flow/main_block_1")
        self.exit = _ReductionBlock(weights, "exit_flow/reduction_block")
        self.last = SeparableConvolution(weights, "exit_flow/separable_conv")
        self.age = Dense(weights, "fc/age")
        self.gender = Dense(weights, "fc/gender")

    @classmethod
    def load(cls, manifest: Path | None = None, binary: Path | None = None) -> AgeGenderNetwork:
        """The network with the published weights; fetched by the catalog when None."""
        paths = manifest or fetch("age-gender-manifest"), binary or fetch("age-gender-bin")
        return cls(read_weights(*paths))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Faces [B, 3, 112, 112] in [−1, 1] → years [B], logit of female over male [B]."""
        # The first block begins with the convolutions, the later ones with a ReLU: the stem's
        # own ReLU makes the difference vanish.
        x = self.entry1(self.entry0(F.relu(self.stem(normalise(images)))))
        x = F.relu(self.last(self.exit(self.middle1(self.middle0(x)))))
        pooled = x.mean(dim=(2, 3))
        male, female = self.gender(pooled).unbind(dim=1)
        return self.age(pooled).squeeze(1), female - male


class _DenseBlock(nn.Module):
    """Each convolution sees the sum of all outputs before it; the first one halves the size."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        first = Convolution if f"{name}/conv0/filters" in weights else SeparableConvolution
        self.first = first(weights, f"{name}/conv0", stride=2)
        self.others = nn.ModuleList(
            SeparableConvolution(weights, f"{name}/conv{i}") for i in (1, 2, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        total = F.relu(self.first(x))
        # relu(total) feeds the next convolution, while the sum itself stays without it.
        for convolution in self.others:
            total = total + convolution(F.relu(total))
        return F.relu(total)


class _ReductionBlock(nn.Module):
    """Two separable convolutions and a max pool, beside a 1×1 convolution with stride 2."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.first = SeparableConvolution(weights, f"{name}/separable_conv0")
        self.second = SeparableConvolution(weights, f"{name}/separable_conv1")
        self.shortcut = Convolution(weights, f"{name}/expansion_conv", stride=2)

    def forward(self, x: Tensor) -> Tensor:
        out = self.second(F.relu(self.first(F.relu(x))))
        pooled = F.max_pool2d(same_padding(out, 3, 2, float("-inf")), 3, 2)
        shortcut: Tensor = self.shortcut(x)
        return pooled + shortcut


class _MiddleBlock(nn.Module):
    """Three separable convolutions, each after a ReLU, with the identity beside them."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            SeparableConvolution(weights, f"{name}/separable_conv{i}") for i in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for convolution in self.convolutions:
            out = convolution(F.relu(out))
        return x + out
