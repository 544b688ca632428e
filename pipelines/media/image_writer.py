"""Films as pictures: each frame a PNG or a JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type

from pipelines.media.color import ColorConverter
from pipelines.media.frame import Frame
from pipelines.media.image_files import Label, Pixels, encode_jpeg, encode_png
from pipelines.media.naming import Naming
from pipelines.media.opening import open_video, video_stream
from pipelines.media.painting import Painter
from pipelines.media.partial import PartialFolder
from pipelines.media.passthrough import named
from pipelines.media.planes import planar_format
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.side_data import side_data_of
from pipelines.media.tone import view_of


class ImageWriter:
    """Writes frames as pictures in RGB.

    PNG keeps the source's depth (8 or 16 bits), alpha and HDR, and of an RGB source the exact
    value of every pixel that was not edited. JPEG gets the picture of a standard screen.

    Args:
        naming: where, and under which names.
        source: the video that the frames come from.
        provenance: what to write about the edit into each picture.

    Raises:
        OutputError: if nothing can be written there.
    """

    def __init__(self, naming: Naming, source: VideoReader, provenance: Provenance | None) -> None:
        pixels = planar_format(av.VideoFormat(source.pixel_format))
        self._png = naming.pattern.lower().endswith(".png")
        self._deep, self._alpha = pixels.depth > 8, pixels.alpha
        self._naming, self._source = naming, source
        self._converter, self._view = ColorConverter(), view_of(source.color)
        self._texts = provenance.texts if provenance is not None else ()
        scale = (_top(self._deep) / 255) * np.eye(3, 4, dtype=np.float32)
        self._painter = Painter(scale, self._view, _top(self._deep))
        self.dropped = list(_losses(source))
        """What of the source is not in the pictures, and why."""
        if not self._png:
            self.dropped += self._jpeg_losses(pixels.depth)
        self._count = 0
        self._files = PartialFolder(naming.folder, naming.matches)

    def encode(self, frame: Frame) -> None:
        """Write one frame."""
        label = Label(self._texts, _profile(frame), self._cicp())
        if self._png:
            data = encode_png(self._pixels(frame), label)
        else:
            data = encode_jpeg(frame.image, label)
        self._files.add(self._naming.name(self._count, self._picture_of(frame)), data)
        self._count += 1

    def finish(self) -> None:
        """Give the pictures their names."""
        self._files.complete()

    def abandon(self) -> None:
        """Remove what is not complete; never fails."""
        self._files.discard()

    def _pixels(self, frame: Frame) -> Pixels:
        """[H, W, 3 or 4] in the source's own coding, with the edited pixels painted in."""
        dtype = np.uint16 if self._deep else np.uint8
        if frame.decoded is None:
            pixels = np.full((*frame.image.shape[:2], 3 + self._alpha), _top(self._deep), dtype)
        else:
            stored = self._converter.packed(frame.decoded.frame, alpha=self._alpha, deep=self._deep)
            pixels = self._source.orientation.apply(stored).copy()
        original = None if frame.decoded is None else frame.decoded.image
        self._painter.paint([pixels[..., channel] for channel in range(3)], frame.image, original)
        return pixels

    def _picture_of(self, frame: Frame) -> Path | None:
        """The source's picture that a frame was."""
        pictures = self._source.pictures
        return pictures[round(frame.time / self._source.time_base)] if pictures else None

    def _cicp(self) -> tuple[int, int] | None:
        color = self._source.color
        return (color.primaries, color.transfer) if self._png and self._view else None

    def _jpeg_losses(self, depth: int) -> Iterator[str]:
        if self._alpha:
            yield "alpha channel: JPEG has none"
        if self._deep:
            yield f"{depth} bits per sample: JPEG keeps 8"
        if self._view is not None:
            yield "HDR and wide colours: the JPEGs are for standard screens"


def _losses(source: VideoReader) -> Iterator[str]:
    if source.pictures:
        yield "EXIF and texts, if the pictures have any: only colour profiles are kept"
        return
    yield f"times: pictures have none; there were {float(source.rate or 0):g} frames per second"
    yield "tags and chapters: pictures of a film have none"
    with open_video(source.path) as container:
        picture = video_stream(container, source.path)
        for stream in container.streams:
            if stream.index != picture.index:
                yield f"{named(stream)}: pictures hold none"


def _profile(frame: Frame) -> bytes:
    if frame.decoded is None:
        return b""
    return side_data_of(frame.decoded.frame).get(Type.ICC_PROFILE, b"")


def _top(deep: bool) -> int:
    return 65535 if deep else 255
