"""One pass over a stream: packets to frames, stepping over what is damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pipelines.media.continuity import Continuity
from pipelines.media.opening import decoder_of

READ_ATTEMPTS = 16
"""A file that cannot be read any more: give up after so many failures in a row."""
# These decoders drop, without an error, frames whose references are lost. Elsewhere a packet
# without a frame is usual (hidden frames; fields, of which two make one), and the decoder reports
# what it loses.
_FRAME_PER_PACKET = {"h264", "hevc"}
# A last frame that ends earlier than announced by less than this is rounding, not a loss.
_TOLERANCE = Fraction(1, 10)


class Decoding:
    """Iterating it decodes a stream from where its container stands to the end of the file.

    A packet that cannot be decoded costs the frames that depend on it, and a file that breaks
    off ends there; both are counted here, neither is an error. So are frames of another size
    than ``size`` (width, height), if it is given: a stream may change its size halfway.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.truncated = False
        """Whether the file has ended before the end that it announces."""
        self._container = container
        self._stream = stream
        self._size = size
        self._decoder = decoder_of(stream)
        self._clock = Continuity(strict=True)
        self._failures = 0
        self._sent = 0
        self._received = 0
        self._interlaced = False
        self._end = Fraction(0)
        self._finished = False

    @property
    def skipped(self) -> int:
        """Frames that could not be read or decoded so far; complete at the end."""
        whole = self._stream.codec_context.name in _FRAME_PER_PACKET and not self._interlaced
        if self._finished and whole:
            return max(self._failures, self._sent - self._received)
        return self._failures

    def __iter__(self) -> Iterator[av.VideoFrame]:
        return _in_order(self._decode())

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                for frame in self._decoder.decode(packet):
                    self._received += 1
                    self._interlaced |= frame.interlaced_frame
                    if self._size in {None, (frame.width, frame.height)}:
                        yield frame
                    else:
                        self._failures += 1
            except av.error.EOFError:
                break
            except av.FFmpegError:
                self._failures += 1
        self._finished = True
        self.truncated = self._breaks_off()

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """The packets of the stream, then ``None``: the decoder gives what it still holds."""
        attempts = 0
        while attempts < READ_ATTEMPTS:
            try:
                for packet in self._container.demux(self._stream):
                    attempts = 0
                    if packet.size:
                        self._clock.mend(packet)
                        self._note(packet)
                        yield packet
                break
            except av.FFmpegError:
                attempts += 1
                self._failures += 1
        yield None

    def _note(self, packet: Packet[VideoStream]) -> None:
        self._sent += not packet.is_discard
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._end = max(self._end, end)

    def _breaks_off(self) -> bool:
        """Whether the index names packets beyond the file's end, or the stream is too short."""
        index = self._stream.index_entries
        if len(index) and index[-1].pos + index[-1].size > self._container.size > 0:
            return True
        announced = _announced_end(self._stream)
        return announced is not None and self._end < announced - _TOLERANCE


def _in_order(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """After a loss a decoder may give a frame too early, before one that is shown earlier.

    Each frame waits for the next one, and lets it go first if that is its place.
    """
    waiting: av.VideoFrame | None = None
    last: int | None = None
    for frame in frames:
        early = waiting is not None and _lies_between(last, frame.pts, waiting.pts)
        ready, waiting = (frame, waiting) if early else (waiting, frame)
        if ready is not None:
            last = ready.pts
            yield ready
    if waiting is not None:
        yield waiting


def _lies_between(last: int | None, pts: int | None, waiting: int | None) -> bool:
    if pts is None or waiting is None:
        return False
    return pts < waiting and (last is None or last < pts)


def _announced_end(stream: VideoStream) -> Fraction | None:
    """The end of a stream as Matroska's muxers write it among the tags: 00:00:02.970000000."""
    written = next((v for k, v in stream.metadata.items() if k.lower() == "duration"), "")
    try:
        hours, minutes, seconds = written.split(":")
        return Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
