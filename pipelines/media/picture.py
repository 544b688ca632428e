"""From an edited RGB frame to the picture that the encoder gets."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np

from pipelines.media.color import Color, ColorConverter
from pipelines.media.encoders import Encoding
from pipelines.media.frame import Decoded, Frame
from pipelines.media.orientation import Orientation
from pipelines.media.painting import Painter, subsampled
from pipelines.media.planes import PlanarFormat, Plane, planes_of
from pipelines.media.tone import view_of


class PictureBuilder:
    """Builds the encoder's pictures: the decoder's samples, with the edited pixels painted in.

    A pixel that equals the decoded one never becomes RGB on its way, so it keeps its depth and its
    exact value (chroma is resampled only where the picture is turned upright).

    Args:
        orientation: how the decoded frames are turned.
        size: (width, height) as shown.
        color: tags of the source.
        encoding: the encoder's choice.
    """

    def __init__(
        self, orientation: Orientation, size: tuple[int, int], color: Color, encoding: Encoding
    ) -> None:
        self._orientation = orientation
        self._width, self._height = size
        self._color = color
        self._pixel_format = encoding.pixel_format
        self._working = encoding.working
        # A chroma sample lies at the left of its pixels; turning the small planes would put it
        # elsewhere and shift the colours, so a turned picture passes through 4:4:4.
        self._turned = orientation != Orientation()
        self._canvas = replace(self._working, chroma="444") if self._turned else self._working
        depth = self._canvas.depth
        self._painter = Painter(color.from_rgb(depth), view_of(color), (1 << depth) - 1)
        self._converter = ColorConverter()

    def build(self, frame: Frame) -> av.VideoFrame:
        """The picture of a frame, of the source's size, without its time."""
        image = frame.image
        canvas = self._blank(self._canvas)
        planes = planes_of(canvas)
        if frame.decoded is None:
            for alpha in planes[3:]:
                alpha[:] = (1 << self._canvas.depth) - 1
        else:
            self._copy_decoded(frame.decoded, planes)
        original = None if frame.decoded is None else frame.decoded.image
        self._painter.paint(planes, image, original)
        if self._turned:
            canvas = self._blank(self._working)
            _reduce(planes, planes_of(canvas))
        return self._converter.planar(canvas, self._pixel_format)

    def _blank(self, pixels: PlanarFormat) -> av.VideoFrame:
        canvas = av.VideoFrame(self._width, self._height, pixels.name)
        canvas.colorspace = self._color.matrix
        canvas.color_range = self._color.output_range
        canvas.color_primaries = self._color.primaries
        canvas.color_trc = self._color.transfer
        return canvas

    def _copy_decoded(self, decoded: Decoded, planes: list[Plane]) -> None:
        stored = self._converter.planar(decoded.frame, self._canvas.name)
        for target, source in zip(planes, planes_of(stored), strict=True):
            target[:] = self._orientation.apply(source)


def _reduce(planes: list[Plane], targets: list[Plane]) -> None:
    """Fill planes from others of the same picture whose chroma is finer or the same."""
    for plane, target in zip(planes, targets, strict=True):
        down, across = (-(-a // b) for a, b in zip(plane.shape, target.shape, strict=True))
        target[:] = np.rint(subsampled(plane.astype(np.float32), down, across))
