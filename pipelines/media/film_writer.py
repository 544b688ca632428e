"""Films as files: the encoder's pictures, made and muxed, under a name that appears at the end."""

from __future__ import annotations

from pathlib import Path

from pipelines.media.encoders import Encoding
from pipelines.media.frame import Frame
from pipelines.media.muxer import Muxer
from pipelines.media.partial import PartialFile
from pipelines.media.picture import PictureBuilder
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader


class FilmWriter:
    """Writes frames into a video file.

    Args:
        path: the file.
        format_name: libav's name of its container.
        source: the video that the frames come from.
        encoding: encoder and pixel format.
        provenance: what to write about the edit.

    Raises:
        BadInputError: if the encoder does not open.
        OutputError: if nothing can be written there.
        av.FFmpegError, OSError: if the disk does not take it; also from every method.
    """

    def __init__(
        self,
        path: Path,
        format_name: str,
        source: VideoReader,
        encoding: Encoding,
        provenance: Provenance | None,
    ) -> None:
        self._pictures = PictureBuilder(source.orientation, source.size, source.color, encoding)
        self._file = PartialFile(path)
        try:
            self._muxer = Muxer(self._file.path, format_name, source, encoding, provenance)
        except BaseException:
            self._file.discard()
            raise
        self.dropped = self._muxer.dropped
        """What of the source is not in the output, and why; complete when it is finished."""

    def encode(self, frame: Frame) -> None:
        """Write one frame."""
        self._muxer.encode(self._pictures.build(frame), frame)

    def finish(self) -> None:
        """Write the rest and give the file its name."""
        self._muxer.finish()
        self._file.complete()

    def abandon(self) -> None:
        """Remove what is not complete; never fails."""
        self._muxer.abandon()
        self._file.discard()
