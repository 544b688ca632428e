"""All that is not the edited picture: audio, subtitles, chapters and tags, copied as they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from pipelines.media.continuity import Continuity
from pipelines.media.decoding import READ_ATTEMPTS
from pipelines.media.opening import open_video, video_stream
from pipelines.media.tags import own_tags_removed


class Passthrough:
    """The streams of a source beside its picture, on their way into an output.

    Packets are read again from the source as the output advances, so that at most the encoder's
    delay of them is waiting.

    Args:
        source: the file to copy from.
        output: an output container before its header is written.
        format_name: libav's name of the output's container.
        dropped: gets a line for each thing that cannot be copied, now or later.
    """

    def __init__(
        self, source: Path, output: OutputContainer, format_name: str, dropped: list[str]
    ) -> None:
        self._dropped = dropped
        self._output = output
        self._input: InputContainer = open_video(source)
        picture = video_stream(self._input, source)
        self._targets: dict[int, Stream] = {}
        chapters = self._input.chapters()
        for stream in self._input.streams:
            # mp4 and mov keep the titles of chapters and the picture's timecode in tracks, which
            # their muxer makes anew; of a timecode it would not close a file with both.
            titles = chapters and stream.name == "bin_data"
            timecode = "timecode" in picture.metadata and _is_timecode(stream)
            if stream.index != picture.index and not titles and not timecode:
                self._adopt(stream, format_name)
        output.metadata.update(own_tags_removed(self._input.metadata))
        if chapters:
            output.set_chapters(chapters)
        self._packets = self._read()
        self._waiting = next(self._packets, None)

    def advance(self, until: Fraction | None, shift: Fraction) -> None:
        """Copy the packets that belong before ``until`` seconds, ``shift`` seconds later.

        ``until`` counts in the output; ``None`` copies the rest.
        """
        while self._waiting is not None:
            packet = self._waiting
            if until is not None and _time(packet) + shift > until:
                return
            _delay(packet, shift)
            packet.stream = self._targets[packet.stream_index]
            self._output.mux(packet)
            self._waiting = next(self._packets, None)

    def close(self) -> None:
        """Close the source."""
        self._input.close()

    def _adopt(self, stream: Stream, format_name: str) -> None:
        reason = _refusal(stream, format_name)
        if reason is None:
            self._targets[stream.index] = _add(self._output, stream)
        else:
            self._dropped.append(f"{named(stream)}: {reason}")

    def _read(self) -> Iterator[Packet[Stream]]:
        """The packets to copy; what cannot be read is stepped over, as it is in the picture."""
        streams = [self._input.streams[index] for index in self._targets]
        if not streams:
            return
        clocks = {stream.index: Continuity(strict=stream.type == "audio") for stream in streams}
        attempts = failures = 0
        while attempts < READ_ATTEMPTS:
            try:
                for packet in self._input.demux(streams):
                    attempts = 0
                    if packet.size:
                        self._mend(packet, clocks[packet.stream_index])
                        yield packet
                break
            except av.FFmpegError:
                attempts += 1
                failures += 1
        if attempts:
            self._dropped.append("end of the copied streams: the source breaks off")
        elif failures:
            self._dropped.append(f"copied streams: {failures} places that cannot be read")

    def _mend(self, packet: Packet[Stream], clock: Continuity) -> None:
        known = len(clock.jumps)
        clock.mend(packet)
        for time in clock.jumps[known:]:
            self._dropped.append(
                f"{named(packet.stream)}: own times from {float(time):.2f} s on, where its clock "
                "jumps back; it goes on without a gap"
            )


def named(stream: Stream) -> str:
    """What a report calls a stream."""
    codec = stream.codec_context.name if stream.codec_context else "unknown format"
    return f"{stream.type} stream {stream.index} ({codec})"


def _add(output: OutputContainer, stream: Stream) -> Stream:
    added = output.add_stream_from_template(stream, opaque=True)
    added.metadata.clear()
    added.metadata.update(own_tags_removed(stream.metadata))
    added.disposition = stream.disposition
    return added


def _is_timecode(stream: Stream) -> bool:
    return stream.type == "data" and "timecode" in stream.metadata


def _refusal(stream: Stream, format_name: str) -> str | None:
    """Why a stream cannot be copied; containers are asked by writing the header of a trial file."""
    if stream.disposition & Disposition.attached_pic:
        return "a cover picture, which shows the video before the edit"
    if _is_timecode(stream):
        return "a timecode that is not the picture's"
    if stream.type == "attachment" and format_name != "matroska":
        return f"{format_name} holds no attachments"  # WebM's muxer leaves them out silently
    try:
        with av.open(io.BytesIO(), "w", format=format_name) as trial:
            _add(trial, stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"{format_name} cannot hold it ({why})"
    return None


def _delay(packet: Packet[Stream], shift: Fraction) -> None:
    if shift:
        ticks = round(shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks


def _time(packet: Packet[Stream]) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if ticks is None else ticks * packet.time_base
