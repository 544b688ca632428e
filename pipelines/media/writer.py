"""Videos out: edited frames beside everything else that the source holds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av
import numpy as np

from pipelines.media.encoders import choose_encoding, container_format
from pipelines.media.film_writer import FilmWriter
from pipelines.media.frame import Frame
from pipelines.media.image_writer import ImageWriter
from pipelines.media.naming import naming_of
from pipelines.media.planes import planar_format
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from videoinv.errors import BadInputError, OutputError


class _Output(Protocol):
    """A video file or a folder of pictures that is being written."""

    dropped: list[str]

    def encode(self, frame: Frame) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class VideoWriter:
    """Writes a video that differs from its source in the given frames only.

    A context manager. Frames keep their exact times (Matroska and WebM hold whole milliseconds;
    where that rounds, ``dropped`` says so). All other streams are copied packet by packet,
    chapters and tags too. The picture is written upright, so the output has no display matrix.
    On a clean exit the file appears under its name at once; on an error nothing is left.

    Args:
        path: the output; its suffix chooses the container (``encoders.CONTAINERS``). A pattern
            such as ``shot_%04d.png`` or ``frames/*.jpg``, or, if the source is pictures, a folder,
            asks for pictures.
        source: the video that the frames come from.
        codec: a video encoder of libav, or "hardware" for this machine's own; ``None`` takes VP9
            for WebM, H.264 for 8-bit video and HEVC for deeper video.
        crf: quality on the encoder's scale, lower is better; ``None`` takes a default that keeps
            what was not edited at 40 dB or more.
        preset: the encoder's speed setting; ``None`` takes a default.
        provenance: what to write about the edit, if anything.

    Raises:
        BadInputError: on creation, if the suffix or the codec is unknown or the output is the
            source; on entry, if the encoder does not work on this machine.
        OutputError: on entry, if the folder is missing or read-only; later, if the disk is full.
        MediaError: if the source is no video.
    """

    def __init__(
        self,
        path: str | Path,
        source: VideoReader | str | Path,
        *,
        codec: str | None = None,
        crf: int | None = None,
        preset: str | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        """Frames written so far."""
        self.dropped: list[str] = []
        """What of the source is not in the output, and why; complete after the exit."""
        self._source = reader = source if isinstance(source, VideoReader) else VideoReader(source)
        self._last: Fraction | None = None
        _refuse_source(self.path, reader)
        naming = naming_of(self.path, reader.pictures)
        if naming is not None:
            _refuse_settings(self.path, codec=codec, crf=crf, preset=preset)
            self._open: Callable[[], _Output] = partial(ImageWriter, naming, reader, provenance)
            return
        container = container_format(self.path)
        encoding = choose_encoding(
            container,
            planar_format(av.VideoFormat(reader.pixel_format)),
            reader.size,
            codec=codec,
            crf=crf,
            preset=preset,
            hdr=reader.hdr,
        )
        self._open = partial(FilmWriter, self.path, container, reader, encoding, provenance)

    def __enter__(self) -> VideoWriter:
        with self._output_errors():
            self._output = self._open()
        self.dropped = self._output.dropped
        return self

    def write(self, frame: Frame) -> None:
        """Add a frame that is later than the one before.

        Raises:
            ValueError: if its size is not the source's or its time is not later.
            OutputError: if the disk does not take it.
        """
        if self._last is not None and frame.time <= self._last:
            raise ValueError(
                f"frame {frame.index} at {frame.time} s does not come after {self._last} s"
            )
        self._check_image(frame)
        with self._output_errors():
            self._output.encode(frame)
        self._last = frame.time
        self.frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._complete()
        finally:
            self._output.abandon()

    def _complete(self) -> None:
        if not self.frames:
            raise OutputError(f"output {self.path}: no frame was written, so there is no video")
        with self._output_errors():
            self._output.finish()
        if self._source.truncated:
            end = float(self._last or 0)
            self.dropped.append(f"end: the source breaks off after its frame at {end:.2f} s")

    def _check_image(self, frame: Frame) -> None:
        wanted = (self._source.height, self._source.width, 3)
        if frame.image.shape != wanted or frame.image.dtype != np.uint8:
            raise ValueError(
                f"frame {frame.index}: image is {frame.image.dtype} {frame.image.shape}, "
                f"must be uint8 {wanted}"
            )

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(
                f"output {self.path}: it could not be written ({reason}); nothing was left behind"
            ) from error


def _refuse_settings(output: Path, **settings: object) -> None:
    given = [name for name, value in settings.items() if value is not None]
    if given:
        raise BadInputError(
            f"output {output}: pictures are not encoded as a video, so {', '.join(given)} cannot "
            "be chosen; leave it out, or write an mp4"
        )


def _refuse_source(output: Path, source: VideoReader) -> None:
    inputs = (source.path, *source.pictures)
    # A pattern of pictures is no file itself.
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise BadInputError(
            f"output {output}: that is the input itself, which is never overwritten; "
            "choose another name"
        )
