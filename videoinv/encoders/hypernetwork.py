"""Hypernetworks of HyperInverter: one predicts the change of one generator weight (§3.4).

Dinh et al. 2022, "HyperInverter: Improving StyleGAN Inversion via Hypernetwork".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videoinv.encoders.weights import below


@dataclass(frozen=True)
class TargetLayer:
    """The generator weight that one hypernetwork changes, named as in the checkpoint.

    ``b16_conv0_weight`` changes ``synthesis.b16.conv0.weight``.
    """

    key: str

    @property
    def weight_name(self) -> str:
        """The generator's own name of the weight, under which the latent carries its offset."""
        return "synthesis." + self.key.replace("_", ".")

    @property
    def kernel(self) -> int:
        """Side of the convolution: 1 for toRGB, otherwise 3."""
        return 1 if "torgb" in self.key else 3

    @property
    def row(self) -> int:
        """Which row of E₂ the hypernetwork reads.

        The published table is not the generator's own order of styles: within a block of side r,
        with n = log2(r) − 2, conv0 reads row 2n and both conv1 and toRGB read row 2n + 1; the
        block of side 4 reads 0 and 1.
        """
        side, layer, _ = self.key.split("_")
        n = int(side.removeprefix("b")).bit_length() - 3
        if n == 0:
            return 1 if layer == "torgb" else 0
        return 2 * n if layer == "conv0" else 2 * n + 1


class WeightRegressor(nn.Module):
    """One hypernetwork (Fig. 3): both images' maps → a vector of D → ΔW by two small matrices.

    A ReLU follows every convolution, the last one too.
    """

    def __init__(self, sizes: Mapping[str, torch.Size], kernel: int) -> None:
        super().__init__()
        channels, doubled = sizes["fusion.0.weight"][:2]
        inner = sizes["feature_extractor.0.weight"][0]
        hidden = sizes["w1"][0]
        self.kernel = kernel
        self.fusion = nn.Sequential(
            nn.Conv2d(doubled, channels, 1), nn.InstanceNorm2d(channels), nn.ReLU()
        )
        self.feature_extractor = nn.Sequential(
            nn.Conv2d(channels, inner, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(inner, hidden, 4, 2, 1),
            nn.ReLU(),
        )
        self.w1 = nn.Parameter(torch.empty(sizes["w1"]))
        self.b1 = nn.Parameter(torch.empty(sizes["b1"]))
        self.w2 = nn.Parameter(torch.empty(sizes["w2"]))
        self.b2 = nn.Parameter(torch.empty(sizes["b2"]))

    def forward(self, synthesized: Tensor, image: Tensor) -> Tensor:
        """ΔW [B, C_out, C_in, k, k] from one row of E₂(x̂_w) and of E₂(x).

        The last reshape keeps the order in memory although the axes read [C_in, C_out·k²] before
        and [C_out, C_in, k, k] after: that is what the published weights were trained with.
        """
        fused = self.fusion(torch.cat([synthesized, image], dim=1))
        vector = self.feature_extractor(fused).flatten(1)
        hidden = self.w1.shape[0]
        per_input = (vector @ self.w1 + self.b1).reshape(len(vector), -1, hidden)
        flat: Tensor = per_input @ self.w2 + self.b2
        inputs = per_input.shape[1]
        return flat.reshape(len(flat), -1, inputs, self.kernel, self.kernel)


def regressors_like(state: Mapping[str, Tensor]) -> dict[str, WeightRegressor]:
    """The hypernetworks whose tensors ``state`` holds, by key; D is read, weights are not copied.

    Args:
        state: tensors named ``b4_conv1_weight.w1`` and so on.
    """
    keys = [name.removesuffix(".w1") for name in state if name.endswith(".w1")]
    return {key: _regressor(below(state, key + "."), TargetLayer(key)) for key in keys}


def _regressor(state: Mapping[str, Tensor], layer: TargetLayer) -> WeightRegressor:
    sizes = {name: tensor.shape for name, tensor in state.items()}
    return WeightRegressor(sizes, layer.kernel)
