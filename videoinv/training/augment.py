"""What happens to real frames on their way to the encoder: light, colour and compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from videoinv.faces.types import Image


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the changes; zeros everywhere leave images as they are."""

    flip: float = 0.5
    """Probability of mirroring (the papers' only augmentation)."""
    framing: float = 0.02
    """Largest shift, as a part of the side; scale changes by up to as much, and it turns by as
    much of a quarter circle: alignments differ, and a video's are smoothed."""
    light: float = 0.2
    """Largest change of brightness, as a part of the full range."""
    contrast: float = 0.35
    """Largest change of contrast: photographs are harder than a generator's faces."""
    colour: float = 0.35
    """Largest change of saturation and, at a third of it, of each channel's gain."""
    compression: float = 0.5
    """Probability of a JPEG at a quality of 30 to 95 in front of the encoder."""
    blur: float = 0.25
    """Probability of being enlarged from a smaller picture in front of the encoder."""


PAPERS = Augmentation(framing=0, light=0, contrast=0, colour=0, compression=0, blur=0)
"""Mirroring alone, as all four papers train."""


def photometric(image: Image, how: Augmentation, rng: np.random.Generator) -> Image:
    """Another photograph of the same face, uint8 [H, W, 3]: mirrored, framed and lit otherwise.

    The changed image is what the inversion has to show.
    """
    mirrored = rng.random() < how.flip
    brightness, contrast = how.light * rng.uniform(-1, 1), how.contrast * rng.uniform(-1, 1)
    saturation = 1 + how.colour * rng.uniform(-1, 1)
    gains = 1 + how.colour / 3 * rng.uniform(-1, 1, 3)
    if mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    if how.framing:
        image = _framed(image, *(how.framing * rng.uniform(-1, 1, 4)))
    if how.light == how.contrast == how.colour == 0:
        return image
    x = image.astype(np.float32) / 255
    grey = x.mean(axis=2, keepdims=True)
    x = (grey + saturation * (x - grey)) * gains
    x = (x - 0.5) * (1 + contrast) + 0.5 + brightness
    return np.asarray((x * 255).round().clip(0, 255), dtype=np.uint8)


def _framed(image: Image, right: float, down: float, larger: float, turned: float) -> Image:
    """Moved, scaled and turned about its centre; what comes into view is mirrored from inside."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 90 * turned, 1 + larger)
    matrix[:, 2] += right * width, down * height
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101),
        dtype=np.uint8,
    )


def degraded(image: Image, how: Augmentation, rng: np.random.Generator) -> Image:
    """The image as a compressed or enlarged video frame would bring it, uint8 [H, W, 3].

    Only what the encoder sees is degraded; it still has to show the image itself.
    """
    enlarged, compressed = rng.random() < how.blur, rng.random() < how.compression
    factor, quality = rng.uniform(0.4, 1.0), int(rng.integers(30, 96))
    if enlarged:
        side = round(image.shape[0] * factor)
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    if compressed:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return image
