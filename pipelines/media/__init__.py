"""Videos in and out: exact times, upright pictures, every other stream copied.

A video is a file or a folder of pictures.

A round trip that changes nothing but the frames::

    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        for frame in reader:
            writer.write(replace(frame, image=edit(frame.image)))
"""

from pipelines.media.encoders import CONTAINERS, ENCODERS
from pipelines.media.frame import Decoded, Frame
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.sequences import is_sequence
from pipelines.media.writer import VideoWriter

__all__ = [
    "CONTAINERS",
    "ENCODERS",
    "Decoded",
    "Frame",
    "Provenance",
    "VideoReader",
    "VideoWriter",
    "is_sequence",
]
