"""Aligned faces out of a clip, to train on or to adapt to."""

from __future__ import annotations

from itertools import islice
from math import ceil
from pathlib import Path

from pipelines.media.pixel_aspect import with_square_pixels
from pipelines.media.reader import VideoReader
from videoinv.errors import BadInputError
from videoinv.faces.align import crop, quad_from_mesh
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Image


def clip_faces(path: Path, size: int, stride: int | None = None, most: int = 48) -> list[Image]:
    """The faces in every ``stride``-th frame of a clip, as crops uint8 [size, size, 3].

    Args:
        path: the clip.
        size: side of the crops in pixels.
        stride: frames from one look to the next; ``None`` spreads ``most`` looks over the clip,
            for neighbouring frames hardly differ.
        most: looks at most.

    Raises:
        BadInputError: if no frame that was looked at shows a face.
        MediaError: if the clip cannot be read.
    """
    detector, fitter = FaceDetector(), FaceMesh()
    crops: list[Image] = []
    with VideoReader(path) as reader:
        step = stride or ceil((reader.frame_count or 10 * most) / most)
        for stored in islice(reader, 0, step * most, step):
            frame = with_square_pixels(stored, reader.pixel_aspect)
            for face in detector.detect(frame.image):
                mesh = fitter.fit(frame.image, face)
                if mesh is not None:
                    crops.append(crop(frame.image, Alignment(quad_from_mesh(mesh), size)))
    if not crops:
        raise BadInputError(f"{path} shows no face in the frames that were looked at")
    return crops
