"""Curves over time as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 170
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 24, 24
MOST_POINTS = 600
"""More than a screen has columns would only make the file large."""
COLOURS = ("#1f6fb4", "#d9730d", "#2f8f4e", "#8a4fb0", "#b03a48", "#666666")

Curve = Sequence[tuple[float, float]]


def line_chart(title: str, curves: Mapping[str, Curve]) -> str:
    """Curves by name over one axis of time; nothing if there are no two points.

    Args:
        title: above the chart.
        curves: time in seconds and value, in order of time.
    """
    curves = {name: _thinned(curve) for name, curve in curves.items() if len(curve) > 1}
    if not curves:
        return ""
    frame = _Frame([point for curve in curves.values() for point in curve])
    lines = [
        _line(frame, curve, COLOURS[i % len(COLOURS)]) for i, curve in enumerate(curves.values())
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text x="{LEFT}" y="14" class="title">{escape(title)}</text>'
        f"{_legend(list(curves))}{frame.axes()}{''.join(lines)}</svg>"
    )


class _Frame:
    """From seconds and values to places in the picture."""

    def __init__(self, points: Curve) -> None:
        times, values = [time for time, _ in points], [value for _, value in points]
        self.first, self.last = min(times), max(*times, min(times) + 1e-3)
        low, high = min(values), max(values)
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1e-3
        self.low, self.high = low - margin, high + margin

    def place(self, time: float, value: float) -> str:
        x = LEFT + (time - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)
        return f"{x:.1f},{self._y(value):.1f}"

    def _y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def axes(self) -> str:
        marks = [self.low + share * (self.high - self.low) for share in (0.05, 0.5, 0.95)]
        rows = "".join(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self._y(v):.1f}" y2="{self._y(v):.1f}" '
            f'class="grid"/><text x="{LEFT - 6}" y="{self._y(v) + 4:.1f}" class="y">{v:.3g}</text>'
            for v in marks
        )
        return (
            f'{rows}<text x="{LEFT}" y="{HEIGHT - 6}">{self.first:.1f} s</text>'
            f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" class="y">{self.last:.1f} s</text>'
        )


def _line(frame: _Frame, curve: Curve, colour: str) -> str:
    points = " ".join(frame.place(time, value) for time, value in curve)
    return f'<polyline points="{points}" stroke="{colour}" class="curve"/>'


def _legend(names: Sequence[str]) -> str:
    """Names at the top right, each in its colour."""
    spans = "".join(
        f'<tspan fill="{COLOURS[i % len(COLOURS)]}">&#160;&#160;&#160;{escape(name)}</tspan>'
        for i, name in enumerate(names)
    )
    return f'<text x="{WIDTH - RIGHT}" y="14" class="y">{spans}</text>'


def _thinned(curve: Curve) -> Curve:
    """At most so many points; of those that share a place, the greatest, so that peaks stay."""
    step = -(-len(curve) // MOST_POINTS)
    parts = (curve[start : start + step] for start in range(0, len(curve), step))
    return [max(part, key=lambda point: point[1]) for part in parts]
