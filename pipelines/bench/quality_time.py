"""Quality over time, as ReStyle draws it (Alaluf et al. 2021, Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videoinv.checkpoints.cache import write_path


@dataclass(frozen=True)
class Point:
    """One way of inverting."""

    seconds: float
    """Per face."""
    lpips: float


@dataclass(frozen=True)
class Line:
    """A system with more and more steps."""

    name: str
    points: tuple[Point, ...]


def draw(path: Path, lines: Sequence[Line], title: str) -> None:
    """Write a PNG with a line for each system: LPIPS, lower is better, over seconds per face.

    Raises:
        OutputError: if it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for line in lines:
        seconds = [point.seconds for point in line.points]
        axes.plot(seconds, [point.lpips for point in line.points], "o-", label=line.name)
    axes.set(xscale="log", ylim=(0, None), title=title)
    axes.set(xlabel="seconds per face", ylabel="LPIPS, lower is better")
    axes.grid(which="both", alpha=0.3)
    axes.legend(fontsize="small")
    with write_path(path, "the graph") as part:
        figure.savefig(part, format="png", dpi=120)
