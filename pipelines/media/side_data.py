"""What a decoder gives beside a picture: display matrix, mastering metadata, colour profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import av
from av.sidedata.sidedata import Type


def _unnamed(kinds: type[Type], value: object) -> Type:
    """A kind of side data that this PyAV has no name for."""
    kind: Any = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNNAMED_{value}", value
    named: Type = kind
    return named


# libav knows more kinds than PyAV's enumeration (EXIF, for one), and PyAV then refuses to show any
# of a frame's side data. With this hook of `enum`, made for such values, it goes on.
Type._missing_ = classmethod(_unnamed)  # type: ignore[assignment,method-assign]


_UNWRITTEN = {
    Type.A53_CC: "closed captions inside the picture's stream (CEA-608/708)",
    Type.SPHERICAL: "spherical projection: players will show the video flat",
    Type.STEREO3D: "stereo layout: players will not take the video for stereo",
}


def side_data_of(frame: av.VideoFrame) -> dict[Type, bytes]:
    """All side data of a decoded frame, by kind."""
    # Iterating side data gives the items, not, as PyAV's stub has it, their names.
    items: Iterable[Any] = frame.side_data
    return {item.type: bytes(item) for item in items}


def unwritten(frame: av.VideoFrame) -> list[str]:
    """What a decoded frame brings along that no writer here passes on, for the report."""
    kinds = side_data_of(frame)
    found = [text for kind, text in _UNWRITTEN.items() if kind in kinds]
    if frame.interlaced_frame:
        found.append("interlacing: the two fields of a frame are written as one picture")
    return found
