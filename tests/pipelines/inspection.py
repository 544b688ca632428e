"""What a media file holds, exactly: times of its frames, digests of its packets."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

from pipelines.media.opening import open_video
from pipelines.media.reader import VideoReader

PacketDigest = tuple[Fraction | None, Fraction | None, str]
"""Presentation time and decoding time in seconds, SHA-256 of the payload."""


def timestamps(path: str | Path) -> list[Fraction]:
    """The presentation times in seconds of all frames that can be decoded, in order.

    Raises:
        MediaError: if it is no video.
    """
    return list(VideoReader(path).times())


def packet_digests(path: str | Path, kind: str = "audio") -> list[PacketDigest]:
    """Times and digests of all packets of one kind, stream by stream.

    Args:
        path: a media file.
        kind: "audio", "subtitle", "data" or "video".

    Raises:
        MediaError: if it is no media file.
    """
    with open_video(Path(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        found: dict[int, list[PacketDigest]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                times = tuple(
                    None if ticks is None else ticks * packet.time_base
                    for ticks in (packet.pts, packet.dts)
                )
                digest = hashlib.sha256(bytes(packet)).hexdigest()
                found[packet.stream_index].append((times[0], times[1], digest))
    return [packet for index in sorted(found) for packet in found[index]]
