"""Rows that papers printed, to stand beside ours and marked as theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRow:
    """One method's scores on RAVDESS."""

    method: str
    scores: Mapping[str, float]
    """By the names of ``ClipScores``."""


_NAMES = ("ssim", "psnr", "mse", "lpips", "identity")
_TABLE_2 = {
    "pSp": (0.736, 22.30, 0.025, 0.196, 0.687),
    "e4e": (0.713, 20.57, 0.037, 0.220, 0.620),
    "ReStyle": (0.761, 23.17, 0.021, 0.189, 0.781),
    "HFGI": (0.783, 24.04, 0.017, 0.182, 0.810),
    "Feature-Style": (0.818, 26.64, 0.009, 0.122, 0.895),
}
TABLE_2 = tuple(
    PublishedRow(method, dict(zip(_NAMES, scores, strict=True)))
    for method, scores in _TABLE_2.items()
)
"""Table 2 of Yao et al. 2022, Feature-Style Encoder for Style-Based GAN Inversion."""

TABLE_2_CAVEAT = (
    "The published rows are those of Table 2 of the Feature-Style paper: StyleGAN2 at 1024 px, 120 "
    "RAVDESS videos drawn at random and not listed, ID by CurricularFace. Ours: the files named in "
    "this report, ID by MobileFaceNet, whose cosines are not comparable with theirs."
)
