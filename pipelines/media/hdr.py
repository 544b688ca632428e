"""What high-dynamic-range video says about the screen that it was mastered on.

The transfer curve and the primaries are colour tags (``color``); this is SMPTE ST 2086 (the
mastering display) and CTA-861.3 (the brightest pixel and frame), static for a whole clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from pipelines.media.side_data import side_data_of

# Metadata that changes from frame to frame; an edited picture needs its own, which nobody has.
_DYNAMIC = {
    Type.DYNAMIC_HDR_PLUS: "HDR10+",
    Type.DOVI_METADATA: "Dolby Vision",
    Type.DOVI_RPU_BUFFER: "Dolby Vision",
}


@dataclass(frozen=True)
class Hdr:
    """Static metadata in x265's notation, and the names of the dynamic kinds."""

    mastering_display: str = ""
    content_light: str = ""
    dynamic: tuple[str, ...] = ()

    def added_to(self, options: dict[str, str], codec: str) -> dict[str, str]:
        """The options of an encoder with the static metadata, if it has a place for it."""
        given = (
            f"{name}={value}"
            for name, value in (
                ("master-display", self.mastering_display),
                ("max-cll", self.content_light),
            )
            if value
        )
        if codec != "libx265":
            return options
        return options | {"x265-params": ":".join([options["x265-params"], *given])}

    def losses(self, codec: str) -> Iterator[str]:
        """What does not reach the output, for the report."""
        for name in self.dynamic:
            yield f"{name} metadata: it describes the pictures before the edit"
        if codec != "libx265" and (self.mastering_display or self.content_light):
            yield f"HDR mastering metadata: not written with {codec}, only with libx265"


NO_HDR = Hdr()


def hdr_of(frame: av.VideoFrame) -> Hdr:
    """The metadata of a decoded frame."""
    found = side_data_of(frame)
    display, light = (
        np.frombuffer(found[kind], np.int32) if kind in found else None
        for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL)
    )
    return Hdr(
        _mastering_display(display) if display is not None else "",
        f"{light[0]},{light[1]}" if light is not None else "",
        tuple(sorted({name for kind, name in _DYNAMIC.items() if kind in found})),
    )


def _mastering_display(fields: NDArray[np.int32]) -> str:
    """AVMasteringDisplayMetadata: ten fractions (red, green, blue, white x and y; min, max)."""
    values = fields[:20:2] / np.maximum(fields[1:20:2], 1)
    x, y = (np.rint(values[start:8:2] * 50000).astype(int) for start in (0, 1))
    points = [f"{name}({x[i]},{y[i]})" for name, i in (("G", 1), ("B", 2), ("R", 0), ("WP", 3))]
    low, high = np.rint(values[8:10] * 10000).astype(int)
    return "".join(points) + f"L({high},{low})"
