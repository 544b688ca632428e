"""What smoothing gains and what it costs, in one picture: the reason for the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.evaluation.scores import ClipScores
from videoinv.checkpoints.cache import write_path

PER_MILLE = 1e3
MARKERS = {"off": "o", "default": "s", "strong": "^"}
"""By smoothing, see ``study.SMOOTHINGS``."""


@dataclass(frozen=True)
class Smoothed:
    """One encoder under one smoothing."""

    encoder: str
    smoothing: str
    scores: ClipScores


def draw_tradeoff(path: Path, points: Sequence[Smoothed], title: str) -> None:
    """Write a PNG: amplitude and LPIPS over excess jitter, a line for each encoder.

    It needs Matplotlib. Points without one of the measures are left out.

    Raises:
        OutputError: if it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    sides = figure.subplots(1, 2)
    for encoder in dict.fromkeys(point.encoder for point in points):
        own = [point for point in points if point.encoder == encoder]
        for axes, measure in zip(sides, ("amplitude", "lpips"), strict=True):
            known = [
                (PER_MILLE * p.scores.excess_jitter, getattr(p.scores, measure), p.smoothing)
                for p in own
                if p.scores.excess_jitter is not None and getattr(p.scores, measure) is not None
            ]
            (line,) = axes.plot([x for x, _, _ in known], [y for _, y, _ in known], label=encoder)
            for x, y, smoothing in known:
                axes.plot(x, y, MARKERS[smoothing], color=line.get_color())
    for axes, label in zip(
        sides, ("amplitude: share of the source's motion", "LPIPS in the frame"), strict=True
    ):
        axes.set(xlabel="excess jitter, 10⁻³ of the distance of the eyes", ylabel=label)
        axes.grid(alpha=0.3)
    sides[0].axhline(1, color="grey", linewidth=0.8)
    sides[1].set_ylim(0, None)
    sides[1].legend()
    used = dict.fromkeys(point.smoothing for point in points)
    markers = [
        sides[0].plot([], [], MARKERS[each], color="grey", label=f"smoothing {each}")[0]
        for each in used
    ]
    sides[0].legend(handles=markers)
    figure.suptitle(title)
    with write_path(path, "the graph") as part:
        figure.savefig(part, format="png", dpi=120)
