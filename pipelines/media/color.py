"""Y'CbCr and R'G'B': the tags of a video and the conversions that they ask for.

Equations from ITU-T H.273 (and BT.601, BT.709, BT.2020): with the luma weights K_R and K_B,
Y = K_R R + (1 − K_R − K_B) G + K_B B, C_b = (B − Y) / (2 (1 − K_B)), C_r = (R − Y) / (2 (1 − K_R)).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

RGB = 0
BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020, BT2020_CL = 1, 4, 5, 6, 7, 9, 10

_WEIGHTS = {
    BT709: (0.2126, 0.0722, Colorspace.ITU709),
    FCC: (0.30, 0.11, Colorspace.FCC),
    BT470BG: (0.299, 0.114, Colorspace.ITU601),
    SMPTE170M: (0.299, 0.114, Colorspace.ITU601),
    SMPTE240M: (0.212, 0.087, Colorspace.SMPTE240M),
    BT2020: (0.2627, 0.0593, Colorspace.BT2020),
    BT2020_CL: (0.2627, 0.0593, Colorspace.BT2020),
}

# Without accurate rounding and full chroma interpolation swscale darkens by more than a level
# and shifts hues; with them a round trip is unbiased.
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

_ENDIAN = "le" if sys.byteorder == "little" else "be"
# Packed formats without and with alpha, at 8 and at 16 bits.
_PACKED = {
    (False, False): "rgb24",
    (True, False): "rgba",
    (False, True): f"rgb48{_ENDIAN}",
    (True, True): f"rgba64{_ENDIAN}",
}


@dataclass(frozen=True)
class Color:
    """The colour tags of a video, by their numbers in H.273; 2 is "unspecified"."""

    matrix: int
    primaries: int
    transfer: int
    full_range: bool
    tagged_range: int
    """0 unspecified, 1 limited, 2 full; as written in the file."""
    hd: bool
    """More than 576 lines or at least 1280 columns: BT.709 if nothing else is said."""

    @property
    def output_range(self) -> int:
        """The range tag to write: the source's, made explicit where its format implies it."""
        return int(ColorRange.JPEG) if self.full_range else self.tagged_range

    @property
    def assumed_matrix(self) -> int:
        """The matrix to convert with; untagged video is BT.601 or, if HD, BT.709."""
        if self.matrix in _WEIGHTS:
            return self.matrix
        return BT709 if self.hd else SMPTE170M

    @property
    def swscale_matrix(self) -> Colorspace:
        """The same, in swscale's own numbering."""
        return _WEIGHTS[self.assumed_matrix][2]

    @property
    def range(self) -> ColorRange:
        """Limited (16 to 235 at 8 bits) or full range."""
        return ColorRange.JPEG if self.full_range else ColorRange.MPEG

    def from_rgb(self, depth: int) -> NDArray[np.float32]:
        """The affine map [3, 4] of 8-bit R'G'B' to Y'CbCr code values at ``depth`` bits."""
        kr, kb, _ = _WEIGHTS[self.assumed_matrix]
        luma = np.array([kr, 1 - kr - kb, kb])
        blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb))
        red = (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
        unit = 1 << (depth - 8)
        top = (1 << depth) - 1
        luma_span, chroma_span = (top, top) if self.full_range else (219 * unit, 224 * unit)
        black = 0 if self.full_range else 16 * unit
        rows = np.stack([luma * luma_span, blue * chroma_span, red * chroma_span]) / 255
        offsets = np.array([[black], [128 * unit], [128 * unit]])
        return np.hstack([rows, offsets]).astype(np.float32)


def holds_rgb(frame: av.VideoFrame) -> bool:
    """Whether the samples of a frame, or of its palette, are R'G'B'."""
    return bool(frame.format.is_rgb or frame.format.has_palette)


def color_of(frame: av.VideoFrame) -> Color:
    """The tags of a decoded frame; of an RGB one, those of the Y'CbCr that is made of it."""
    rgb = holds_rgb(frame)
    matrix = int(frame.colorspace)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Color(
        matrix=BT709 if rgb or matrix == RGB else matrix,  # grey pictures are tagged as RGB
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        full_range=full and not rgb,
        tagged_range=int(ColorRange.MPEG if rgb else frame.color_range),
        hd=frame.width >= 1280 or frame.height > 576,
    )


class ColorConverter:
    """Converts frames by swscale with the matrix and the range of the source; keeps its tables."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The picture as 8-bit R'G'B' [H, W, 3], in the source's own primaries and transfer."""
        return _packed_rgb(self._convert(frame, _PACKED[False, False], ColorRange.JPEG))

    def deep_rgb(self, frame: av.VideoFrame) -> NDArray[np.uint16]:
        """The same at 16 bits."""
        return self.packed(frame, alpha=False, deep=True).view(np.uint16)

    def packed(
        self, frame: av.VideoFrame, *, alpha: bool, deep: bool
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """R'G'B' or, with ``alpha``, R'G'B'A [H, W, 3 or 4] at 8 bits or, if ``deep``, at 16."""
        samples = _packed_rgb(self._convert(frame, _PACKED[alpha, deep], ColorRange.JPEG))
        return samples.view(np.uint16) if deep else samples

    def planar(self, frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        """The same picture in another Y'CbCr format: same matrix, same range."""
        return self._convert(frame, pixel_format, color_of(frame).range)

    def _convert(
        self, frame: av.VideoFrame, pixel_format: str, target: ColorRange
    ) -> av.VideoFrame:
        color = color_of(frame)
        return self._scaler.reformat(
            frame,
            format=pixel_format,
            src_colorspace=color.swscale_matrix,
            dst_colorspace=color.swscale_matrix,
            interpolation=SCALING,
            src_color_range=ColorRange.JPEG if holds_rgb(frame) else color.range,
            dst_color_range=target,
            threads=1,
        )


def _packed_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The bytes of a packed frame [H, W, bytes of a pixel], without the padding of its rows."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    used = frame.format.padded_bits_per_pixel // 8 * plane.width
    return rows[:, :used].reshape(plane.height, plane.width, -1)
