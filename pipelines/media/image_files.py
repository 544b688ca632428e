"""PNG and JPEG files that say what they are: colour profile and tags, and who edited them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_JPEG_QUALITY = 95
_PNG_START = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(_PNG_START) + 4 + 4 + 13 + 4
_MAX_SEGMENT = 65000


@dataclass(frozen=True)
class Label:
    """What a picture file says beside its pixels."""

    texts: tuple[tuple[str, str], ...] = ()
    """Keyword and text, such as ("Comment", "Edited with AI")."""
    icc: bytes = b""
    """A colour profile; empty for none."""
    cicp: tuple[int, int] | None = None
    """Primaries and transfer by their numbers in H.273, for pictures that are not plain sRGB."""


def encode_png(image: Pixels, label: Label) -> bytes:
    """A PNG of uint8 or uint16 [H, W, 3 or 4] RGB(A); nothing is lost."""
    data = _encoded(".png", image, [])
    chunks = []
    if label.icc:
        chunks.append(_chunk(b"iCCP", b"Profile\0\0" + zlib.compress(label.icc)))
    elif label.cicp:  # PNG's third edition: primaries, transfer, matrix (RGB), full range
        chunks.append(_chunk(b"cICP", bytes([*label.cicp, 0, 1])))
    for keyword, text in label.texts:
        chunks.append(_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()))
    return data[:_IHDR_END] + b"".join(chunks) + data[_IHDR_END:]


def encode_jpeg(image: NDArray[np.uint8], label: Label) -> bytes:
    """A JPEG of uint8 [H, W, 3] RGB with full chroma."""
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full]
    data = _encoded(".jpg", image, options)
    after_jfif = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    parts = [label.icc[at : at + _MAX_SEGMENT] for at in range(0, len(label.icc), _MAX_SEGMENT)]
    segments = [
        _segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part)
        for number, part in enumerate(parts, 1)
    ]
    for keyword, text in label.texts:
        segments.append(_segment(0xFE, f"{keyword}: {text}".encode()[:_MAX_SEGMENT]))
    return data[:after_jfif] + b"".join(segments) + data[after_jfif:]


def _encoded(suffix: str, image: Pixels, options: list[int]) -> bytes:
    order = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, order), options)
    assert done  # both formats take any picture of these types
    return bytes(data.tobytes())


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return len(content).to_bytes(4, "big") + kind + content + check.to_bytes(4, "big")


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
