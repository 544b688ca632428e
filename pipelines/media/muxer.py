"""One output container: the encoded picture and the copied streams, interleaved by time."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from pipelines.media.encoders import ENCODERS, Encoding
from pipelines.media.frame import Frame
from pipelines.media.passthrough import Passthrough
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.scheduling import priority_kept
from videoinv.errors import BadInputError

# The finest clock that an mp4 or mov file as a whole can have, in ticks per second.
_MAX_TIMESCALE = 2**31 - 1
_DEFAULT_RATE = Fraction(30)
# Seconds; what libav itself writes begins at 1.4.
_LATE = 10


class Muxer:
    """Encodes pictures into a file beside all that the source holds beside its picture.

    Args:
        path: the file to write.
        format_name: libav's name of its container.
        source: the video that the pictures come from.
        encoding: encoder and pixel format.
        provenance: what to write about the edit.

    Raises:
        BadInputError: if the encoder does not open, or the container does not hold what it makes.
        av.FFmpegError: if the file cannot be written; also from every method.
    """

    def __init__(
        self,
        path: Path,
        format_name: str,
        source: VideoReader,
        encoding: Encoding,
        provenance: Provenance | None,
    ) -> None:
        self._container = av.open(str(path.absolute()), "w", format=format_name)
        self._passthrough: Passthrough | None = None
        self.dropped = [*encoding.losses, *source.unwritten]
        """What of the source is not in the output, and why; complete when it is finished."""
        self._clock = source.time_base
        self._is_broadcast = source.is_broadcast
        self._begun = False
        self._shift = Fraction(0)
        self._rounds = False
        try:
            self._stream = self._add_picture(source, encoding)
            self.dropped += _open_encoder(self._stream, encoding)
            if source.pictures:
                self.dropped.append("EXIF, texts and colour profiles, if the pictures have any")
            else:
                self._passthrough = Passthrough(
                    source.path, self._container, format_name, self.dropped
                )
            if provenance is not None:
                tags = provenance.added_to(self._container.metadata)
                self._container.metadata.clear()
                self._container.metadata.update(tags)
            self._container.container_options.update(self._options(format_name))
            self._container.start_encoding()
        except BaseException:
            self.abandon()
            raise

    def encode(self, picture: av.VideoFrame, frame: Frame) -> None:
        """Encode the picture of a frame and write what is ready.

        A film that begins before zero, as broadcast recordings may, is moved to zero as a whole:
        no container here shows what is before it. So is a broadcast whose clock had been running
        for long, by whole seconds: players would show nothing until then.
        """
        if not self._begun:
            self._begin(frame.time)
        time = frame.time + self._shift
        self._name_rounding(time)
        picture.time_base = self._clock
        picture.pts = round(time / self._clock)
        if frame.decoded is not None:
            picture.duration = frame.decoded.frame.duration
        self._write(self._stream.encode(picture))

    def finish(self) -> None:
        """Write the rest of everything and close the file."""
        self._write(self._stream.encode(None))
        self._copy_until(None)
        self._container.close()
        self._close_source()

    def _name_rounding(self, time: Fraction) -> None:
        clock = self._stream.time_base  # the container's, since its header is written
        if not self._rounds and clock and time % clock:
            self._rounds = True
            name = self._container.format.name
            self.dropped.append(f"exact times: {name} rounds them to {clock} s")

    def _begin(self, first: Fraction) -> None:
        self._begun = True
        if first < 0:
            self._shift = -first
            self.dropped.append(f"start: the film began {-first} s before zero, now at zero")
        elif self._is_broadcast and first >= _LATE:
            # What is copied may begin a little earlier than the picture.
            self._shift = Fraction(1 - math.floor(first))
            self.dropped.append(f"start: the film's clock began at {float(first):.2f} s, now at 1")

    def _write(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            if packet.dts is not None:
                self._copy_until(packet.dts * packet.time_base)
            self._container.mux(packet)

    def abandon(self) -> None:
        """Close the file as it is; never fails."""
        with contextlib.suppress(av.FFmpegError, ValueError):
            self._container.close()
        self._close_source()

    def _add_picture(self, source: VideoReader, encoding: Encoding) -> VideoStream:
        rate = source.rate or _DEFAULT_RATE
        try:
            stream = self._container.add_stream(encoding.codec, rate, options=encoding.options)
        except ValueError as error:
            held = self._container.supported_codecs
            able = [name for name in ENCODERS if name in held]
            raise BadInputError(
                f"a {self._container.format.name} file holds nothing that {encoding.codec} makes; "
                f"choose one of {', '.join(able)}, or another suffix"
            ) from error
        assert isinstance(stream, VideoStream)  # choose_encoding lets only video encoders pass
        stream.width, stream.height = source.size
        stream.pix_fmt = encoding.pixel_format
        # The encoder counts in the source's own ticks: no frame's time is ever rounded.
        stream.time_base = source.time_base
        context = stream.codec_context
        context.time_base = source.time_base
        context.flags |= Flags.frame_duration
        if source.pixel_aspect:
            context.sample_aspect_ratio = source.pixel_aspect
        context.colorspace = source.color.matrix
        context.color_range = source.color.output_range
        context.color_primaries = source.color.primaries
        context.color_trc = source.color.transfer
        if self._container.format.name in {"mp4", "mov"} and stream.codec.canonical_name == "hevc":
            context.codec_tag = "hvc1"  # the tag that Apple's players ask for
        stream.metadata.update(source.tags)
        stream.disposition = source.disposition
        return stream

    def _options(self, format_name: str) -> dict[str, str]:
        """Options of the container, by which times and tags stay exact."""
        if format_name not in {"mp4", "mov"}:
            # Sound that starts before zero, as AAC's padding does, must not push the picture.
            return {"avoid_negative_ts": "disabled"}
        # Edit lists, which hold where a stream starts and ends, count in the movie's clock,
        # 1/1000 s by default: take one in which every stream's times are whole numbers.
        clocks = [stream.time_base for stream in self._container.streams if stream.time_base]
        common = math.lcm(*(clock.denominator for clock in clocks))
        scale = common if common <= _MAX_TIMESCALE else clocks[0].denominator
        # Without use_metadata_tags all tags but a dozen known names vanish.
        return {"movie_timescale": str(scale), "movflags": "+faststart+use_metadata_tags"}

    def _copy_until(self, time: Fraction | None) -> None:
        if self._passthrough is not None:
            self._passthrough.advance(time, self._shift)

    def _close_source(self) -> None:
        if self._passthrough is not None:
            self._passthrough.close()


def _open_encoder(stream: VideoStream, encoding: Encoding) -> list[str]:
    """Settings that the encoder does not know: libav leaves them over without an error."""
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints all its settings otherwise
    try:
        with priority_kept():
            stream.codec_context.open()
    except av.FFmpegError as error:
        raise BadInputError(
            f"the encoder {encoding.codec} does not work here with {encoding.pixel_format} and "
            f"{encoding.options} ({error.strerror}); common ones are {', '.join(ENCODERS)}"
        ) from error
    left = stream.codec_context.options
    return [f"setting {name}={value}: {encoding.codec} has none" for name, value in left.items()]
