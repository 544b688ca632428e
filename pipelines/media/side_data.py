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


def side_data_of(frame: av.VideoFrame) -> dict[Type, bytes]:
    """All side data of a decoded frame, by kind."""
    # Iterating side data gives the items, not, as PyAV's stub has it, their names.
    items: Iterable[Any] = frame.side_data
    return {item.type: bytes(item) for item in items}
