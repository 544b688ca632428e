"""The columns of the tables: what each number is called, what it means, which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "source", "one", "zero", "none"]
"""``source``: near to the source's own value, which is in the same column."""


@dataclass(frozen=True)
class Column:
    """One number of ``ClipScores``."""

    name: str
    """Of the field."""
    title: str
    better: Better
    digits: int
    meaning: str
    power: int = 0
    """The table shows the number times 10 to this power."""
    source: str = ""
    """Field with the source's own value, shown in brackets."""

    def text(self, values: Mapping[str, float | None]) -> str:
        """The number as it stands in a table, out of all by name."""
        own = self._number(values[self.name])
        return f"{own} ({self._number(values[self.source])})" if self.source else own

    def _number(self, value: float | None) -> str:
        return "–" if value is None else f"{value * 10**self.power:.{self.digits}f}"

    @property
    def heading(self) -> str:
        """Title and power."""
        return f"{self.title} ·10{_superscript(self.power)}" if self.power else self.title


def _superscript(power: int) -> str:
    return "" if power == 1 else str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


PER_FRAME = (
    Column("ssim", "SSIM", "higher", 3, "Wang et al. 2004, on [0, 1]; mean over frames"),
    Column("psnr", "PSNR", "higher", 2, "in dB on [0, 1]; mean over frames"),
    Column("mse", "MSE", "lower", 3, "on [−1, 1]; mean over frames"),
    Column("lpips", "LPIPS", "lower", 3, "Zhang et al. 2018; mean over frames"),
    Column("identity", "ID", "higher", 3, "cosine of the embeddings; mean over frames"),
)
"""The five of the papers' tables, in their order."""

COUNTS = (
    Column("frames", "frames", "none", 0, "of the source"),
    Column("scored", "scored", "none", 0, "those in which the source's face was found"),
    Column("lost", "lost", "lower", 0, "scored ones in which the result shows no face"),
)
OVER_TIME = (
    Column(
        "tl_id",
        "TL-ID",
        "one",
        4,
        "identity of neighbouring frames over the source's; above 1 "
        "is steadier than the source (Tzaban et al. 2022)",
    ),
    Column("tg_id", "TG-ID", "one", 4, "the same over all pairs of frames in a shot"),
    Column(
        "warping_error",
        "E_warp",
        "source",
        3,
        "mean squared change along the source's flow, "
        "where nothing is hidden (Lai et al. 2018); in the face's crop",
        3,
        "source_warping_error",
    ),
    Column(
        "tof",
        "tOF",
        "lower",
        3,
        "mean distance of the optical flows, in pixels of the crop (Chu et al. 2020)",
    ),
    Column(
        "tlp",
        "tLP",
        "lower",
        3,
        "difference of the LPIPS between neighbouring frames, ·100 (Chu et al. 2020)",
    ),
    Column(
        "jitter",
        "jitter",
        "source",
        3,
        "RMS second difference of the landmarks per inter-ocular distance",
        3,
        "source_jitter",
    ),
    Column(
        "excess_jitter",
        "excess",
        "zero",
        3,
        "jitter less the source's; below 0 is smoother than the source",
        3,
    ),
    Column(
        "lag",
        "lag",
        "zero",
        2,
        "frames by which the landmarks' velocities come late: where they correlate best",
    ),
    Column("amplitude", "amplitude", "one", 3, "share of the source's motion: smoothing's price"),
    Column(
        "breathing_centre",
        "breathing",
        "source",
        2,
        "power above 3 Hz of the crop's centre per its size",
        6,
        "source_breathing_centre",
    ),
    Column(
        "breathing_scale",
        "of scale",
        "source",
        2,
        "power above 3 Hz of the logarithm of the crop's size",
        6,
        "source_breathing_scale",
    ),
)
"""Stability, with what it may cost: no number here means much without the others."""

COLUMNS = PER_FRAME + COUNTS + OVER_TIME
