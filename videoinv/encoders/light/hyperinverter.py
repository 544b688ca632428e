"""HyperInverter on light trunks (Dinh et al. 2022), for a generator with 1×1 weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.images import resize_antialiased
from videoinv.encoders.light.efficientnet import EfficientNetLite0
from videoinv.encoders.light.network import CodesNet, LightSize, start_training
from videoinv.errors import BadInputError
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent

CONTEXT = 64
"""Channels per image of what a hypernetwork sees, at 8²."""
LAST_BLOCK = 5
"""Weights of the first blocks are changed, up to the features at 128² that the 256 image needs."""


class LowRankRegressor(nn.Module):
    """One hypernetwork (§3.4): what both images show → a vector → ΔW by two small matrices.

    ΔW [O, I] = w₂ᵀ·(v·w₁), of rank ``size.rank``, in units of the weight's standard deviation;
    it begins at zero. The paper's D is both the vector's length and the rank.
    """

    deviation: Tensor

    def __init__(self, shape: tuple[int, int], size: LightSize) -> None:
        super().__init__()
        outputs, inputs = shape
        self.fuse = nn.Conv2d(2 * CONTEXT, CONTEXT, 3, 2, padding=1)
        self.vector = nn.Linear(CONTEXT * 16, size.vector)
        self.first = nn.Linear(size.vector, size.rank * inputs)
        self.second = nn.Linear(size.rank, outputs, bias=False)
        nn.init.zeros_(self.second.weight)
        self.register_buffer("deviation", torch.ones(()))

    def forward(self, context: Tensor) -> Tensor:
        """[B, 2·CONTEXT, 8, 8] → [B, O, I]."""
        x = F.leaky_relu(self.fuse(context), 0.2).flatten(1)
        v = F.leaky_relu(self.vector(x), 0.2)
        per_input = self.first(v).unflatten(1, (-1, self.second.in_features))
        delta: Tensor = self.second(per_input).transpose(1, 2) * self.deviation
        return delta


class LightHyperNet(nn.Module):
    """Phase I's encoder into W, and phase II's shared encoder with a hypernetwork per weight."""

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, int]],
        size: LightSize,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.w_encoder = CodesNet((1,), size, device=device)
        self.w_bar_encoder = EfficientNetLite0(levels=3)
        self.reduce = nn.ModuleList(
            nn.Conv2d(width, CONTEXT, 1) for width in self.w_bar_encoder.widths
        )
        self.regressors = nn.ModuleDict(
            {_key(name): LowRankRegressor(shape, size) for name, shape in shapes.items()}
        )

    @property
    def channels(self) -> int:
        """Input channels of the stem."""
        return self.w_encoder.channels

    def weight_offsets(self, image: Tensor, synthesized: Tensor) -> dict[str, Tensor]:
        """ΔW per generator weight name from x and x̂_w at the encoder's size (Eq. 5)."""
        maps = self.w_bar_encoder(torch.cat([synthesized.to(image), image]))
        pooled = [F.adaptive_avg_pool2d(r(x), 8) for r, x in zip(self.reduce, maps, strict=True)]
        context = torch.cat(torch.stack(pooled).sum(dim=0).chunk(2), dim=1)
        return {_name(key): r(context).float() for key, r in self.regressors.items()}


@dataclass(frozen=True)
class LightHyperInverter(HyperInverter):
    """w = E_1(x) + w̄ in W, then G(w; W + ΔW) with ΔW = H(x, G(w))."""

    net: LightHyperNet  # type: ignore[assignment]  # the same system on other networks
    input_size: int = 256  # type: ignore[misc]  # fixed in the published system

    @classmethod
    def build(cls, generator: Generator, size: LightSize) -> LightHyperInverter:
        """The encoder for a generator, its weights still random.

        Raises:
            BadInputError: if the generator is not a MobileStyleGAN.
        """
        shapes = {name: _shape(weight) for name, weight in target_weights(generator).items()}
        net = LightHyperNet(shapes, size, generator.device).to(generator.device)
        return cls(net, generator, generator.mean_codes.float(), size.side)

    def start_training(self) -> None:
        """ImageNet weights, the generator's W and its weights' scale."""
        start_training(self.net, self.generator)
        for name, weight in target_weights(self.generator).items():
            self.net.regressors[_key(name)].deviation.copy_(weight.float().std())  # type: ignore[operator]

    def fit(self, images: Tensor) -> Tensor:
        """Images at the encoder's size, with antialiasing."""
        return resize_antialiased(images, self.input_size, self.input_size)

    def render(self, latent: Latent) -> Tensor:
        """The latent's image at the encoder's side, by the generator's cheapest pass."""
        return self.generator.synthesize(latent, self.input_size)


def target_weights(generator: Generator) -> dict[str, Tensor]:
    """The weights that are changed: the 1×1 convolutions of the first blocks, [O, I] by name.

    Raises:
        BadInputError: if the generator is not a MobileStyleGAN.
    """
    if not isinstance(generator, MobileStyleGAN):
        raise BadInputError(
            f"the light HyperInverter changes MobileStyleGAN's weights; got a "
            f"{type(generator).__name__}: use the published network for it"
        )
    return {
        name: weight
        for name, weight in generator.named_parameters()
        if name.startswith("blocks.")
        and name.endswith((".conv1.weight", ".conv2.weight"))
        and int(name.split(".")[1]) < LAST_BLOCK
    }


def _shape(weight: Tensor) -> tuple[int, int]:
    outputs, inputs = weight.shape
    return outputs, inputs


def _key(name: str) -> str:
    """A weight's name without dots, which modules may not have in theirs."""
    return name.replace(".", "_")


def _name(key: str) -> str:
    return key.replace("_", ".")
