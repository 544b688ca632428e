"""e4e: an encoder made for editing (Tov et al. 2021, "Designing an Encoder for StyleGAN")."""

from __future__ import annotations

from dataclasses import dataclass

from videoinv.encoders.heads import ProgressiveStyleEncoder
from videoinv.encoders.psp import PSP


@dataclass(frozen=True)
class E4E(PSP):
    """w_i = w_0 + Δ_i + w̄: pSp's network read as one code and small offsets, near W (§4)."""

    net: ProgressiveStyleEncoder
