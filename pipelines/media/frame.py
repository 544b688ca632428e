"""One picture of a video, with the exact time at which it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Decoded:
    """What the decoder gave, beside the 8-bit picture that was made of it.

    A writer copies every pixel that nobody changed from ``frame``, at the depth and with the
    chroma of the source, and converts only the others.
    """

    frame: av.VideoFrame
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """A frame as people see it: display orientation, RGB, HDR and wide gamut as standard video.

    An edited frame is ``dataclasses.replace(frame, image=edited)``: ``decoded`` stays with it, so
    that the untouched pixels reach the output without a conversion.
    """

    image: NDArray[np.uint8]
    """[H, W, 3] RGB; read-only when it comes from a reader, so make a new array to edit it."""
    pts: int
    """Presentation time in units of ``time_base``."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    index: int
    """0-based position in the iteration that the frame came from."""
    decoded: Decoded | None = field(default=None, repr=False, compare=False)
    """The decoder's own frame; ``None`` for a frame that was made otherwise."""

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds, exact."""
        return self.pts * self.time_base
