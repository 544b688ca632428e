"""The linear layers of StyleGAN2: the mapping z → w, and what all of its layers share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videoinv.precision import Float32

GAIN = math.sqrt(2)  # keeps the variance through a leaky ReLU of slope 0.2
SLOPE = 0.2
EPSILON = 1e-8


class Derived:
    """A tensor computed from parameters, kept until one of them changes.

    While the parameters are being trained it is computed afresh, so that gradients reach them.
    """

    def __init__(self) -> None:
        self._kept: tuple[list[Tensor], list[object], Tensor] | None = None

    def get(self, sources: list[Tensor], compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``, or what it returned for the same values of ``sources``."""
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return compute()
        state: list[object] = [(s.data_ptr(), _version(s), s.dtype) for s in sources]
        kept = self._kept
        if (
            kept is None
            or kept[1] != state
            or any(a is not b for a, b in zip(kept[0], sources, strict=True))
        ):
            with torch.inference_mode(False), torch.no_grad():
                kept = (sources, state, compute())
            self._kept = kept
        return kept[2]

    def __deepcopy__(self, memo: dict[int, object]) -> Derived:
        return Derived()


def _version(tensor: Tensor) -> int:
    """The count of in-place changes; tensors made in inference mode have none."""
    return 0 if tensor.is_inference() else tensor._version


class FullyConnected(Float32):
    """An equalised linear layer: y = act(x · (W·g)ᵀ + b·l), with l the learning-rate multiplier.

    g = l / √inputs. With ``activate`` the activation is the scaled leaky ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        multiplier: float = 1.0,
        bias: float = 0.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.weight_gain = multiplier / math.sqrt(inputs)
        self.multiplier = multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] → [B, outputs]."""
        y = torch.addmm(
            self.bias, x.float(), self.weight.t(), alpha=self.weight_gain, beta=self.multiplier
        )
        return F.leaky_relu(y, SLOPE) * GAIN if self.activate else y


class MappingNetwork(Float32):
    """z → w: normalise, then fully connected layers with a learning rate of 0.01."""

    w_avg: Tensor

    def __init__(self, layers: int, latent: int) -> None:
        super().__init__()
        self.layers = layers
        for index in range(layers):
            layer = FullyConnected(latent, latent, multiplier=0.01, activate=True)
            self.add_module(f"fc{index}", layer)
        self.register_buffer("w_avg", torch.zeros(latent))

    def forward(self, z: Tensor) -> Tensor:
        """[B, 512] → [B, 512]."""
        w = z.float() * (z.float().square().mean(1, keepdim=True) + EPSILON).rsqrt()
        for index in range(self.layers):
            w = self.get_submodule(f"fc{index}")(w)
        return w
