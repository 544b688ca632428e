"""Times of packets where a source's own are broken: joined recordings, muxers with faults."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet

_JUMP = Fraction(1)
"""Seconds backwards from which on it is a new clock and not a fault of one packet."""


class Continuity:
    """Makes the decoding times of one stream increase, as every container asks.

    Recordings that were joined byte by byte begin a new clock at each joint: what follows is moved
    to the end of what was before. A single packet that is late by less is moved alone.

    Args:
        strict: whether two packets may not share a time; subtitles and data may.
    """

    def __init__(self, *, strict: bool) -> None:
        self.jumps: list[Fraction] = []
        """Times in seconds, in the mended clock, at which a new clock began."""
        self._step = int(strict)
        self._offset = 0
        self._last: int | None = None
        self._end = 0

    def mend(self, packet: Packet[Any]) -> None:
        """Change the packet's times if they need it; packets come in the order of the file."""
        if packet.dts is None:
            return
        if self._last is not None:
            late = (self._last - (packet.dts + self._offset)) * packet.time_base
            if late > _JUMP:
                self._offset = self._end - packet.dts
                self.jumps.append(self._end * packet.time_base)
        dts = packet.dts + self._offset
        usual = 1
        if self._last is not None:
            dts = max(dts, self._last + self._step)
            usual = max(1, dts - self._last)
        if packet.pts is not None:
            packet.pts = max(dts, packet.pts + self._offset)
        packet.dts = self._last = dts
        self._end = dts + (packet.duration or usual)
