"""The numbers of an evaluation, of a frame and of a clip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class FrameScores:
    """One frame of a result; over two frames: it and the one before it in the shot."""

    index: int
    time: float
    """In seconds."""
    shot: int
    lpips: float
    mse: float
    psnr: float
    ssim: float
    identity: float
    warping_error: float | None
    source_warping_error: float | None
    tof: float | None
    lpips_change: float | None
    """LPIPS to the frame before."""
    source_lpips_change: float | None


@dataclass(frozen=True)
class ClipScores:
    """A result against its source; ``None`` where there was too little to measure."""

    frames: int
    """Frames of the source."""
    scored: int
    """Those in which its face was found."""
    lost: int
    """Scored frames of the result in which no face is seen."""
    ssim: float | None
    psnr: float | None
    mse: float | None
    lpips: float | None
    identity: float | None
    tl_id: float | None
    tg_id: float | None
    warping_error: float | None
    source_warping_error: float | None
    tof: float | None
    tlp: float | None
    jitter: float | None
    source_jitter: float | None
    excess_jitter: float | None
    lag: float | None
    amplitude: float | None
    breathing_centre: float | None
    source_breathing_centre: float | None
    breathing_scale: float | None
    source_breathing_scale: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """By name, in the order above."""
        return asdict(self)


def mean_of_clips(clips: Sequence[ClipScores]) -> ClipScores:
    """Counts summed, measures averaged over the clips that have them.

    Raises:
        ValueError: if there is no clip.
    """
    if not clips:
        raise ValueError("no clips to average")
    counts = {name: sum(getattr(c, name) for c in clips) for name in ("frames", "scored", "lost")}
    names = [f.name for f in fields(ClipScores) if f.name not in counts]
    means = {name: mean(getattr(clip, name) for clip in clips) for name in names}
    return ClipScores(**counts, **means)  # type: ignore[arg-type]


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are not ``None``, if there are any."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
