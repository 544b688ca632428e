"""A clip played again and again: its packets, remuxed."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from pipelines.media.opening import open_video


def loop_clip(source: Path, target: Path, seconds: float) -> None:
    """Write picture and sound of a clip as often as it takes to last so many seconds.

    Nothing is decoded, so the frames are the clip's own, exactly.

    Args:
        source: a video.
        target: the result; its suffix chooses the container.
        seconds: what it lasts at least.

    Raises:
        MediaError: if the source is no video.
    """
    with open_video(source) as reading, av.open(str(target), "w") as writing:
        length = _length(reading)
        streams = {
            stream.index: writing.add_stream_from_template(stream)
            for stream in (*reading.streams.video[:1], *reading.streams.audio[:1])
        }
        for turn in range(int(-(-seconds // length))):
            reading.seek(0)
            _copy(reading, writing, streams, turn * length)


def _length(container: InputContainer) -> float:
    """Seconds after which a clip may begin again without two packets at one time."""
    firsts, lasts = [0.0], [0.0]
    for packet in container.demux():
        if packet.dts is not None and packet.pts is not None and packet.time_base:
            firsts.append(float(packet.dts * packet.time_base))
            lasts.append(float((packet.pts + (packet.duration or 1)) * packet.time_base))
    return max(lasts) - min(firsts)


def _copy(
    reading: InputContainer, writing: OutputContainer, streams: dict[int, Stream], later: float
) -> None:
    """All packets once, ``later`` seconds after their own times."""
    sources = [reading.streams[index] for index in streams]
    for packet in reading.demux(sources):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        shift = round(later / packet.time_base)
        packet.dts, packet.pts = packet.dts + shift, packet.pts + shift
        packet.stream = streams[packet.stream_index]
        writing.mux(packet)
