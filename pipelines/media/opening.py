"""Opening a media file and finding the moving picture in it."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from videoinv.errors import MediaError

# libav shows text files as a terminal would.
_NO_VIDEO = {"tty"}
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def open_video(path: Path) -> InputContainer:
    """Open a media file for reading.

    Raises:
        MediaError: if it is missing, a folder, or no media file.
    """
    if not path.exists():
        raise MediaError(f"{path}: no such file; give the path of a video")
    if path.is_dir():
        raise MediaError(f"{path}: a folder without pictures; give the path of one video file")
    try:
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path}: not a video that can be read ({_reason(error)}); "
            "mp4, mov, mkv, webm and most other video files can"
        ) from error
    if container.format.name in _NO_VIDEO:
        container.close()
        raise MediaError(f"{path}: a text file, not a video; give the path of a video")
    return container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture in a container; a cover picture is none.

    Raises:
        MediaError: if there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise MediaError(f"{path}: its video is in a format that has no decoder here")
            stream.thread_type = "AUTO"
            return stream
    kinds = ", ".join(sorted({stream.type for stream in container.streams}))
    raise MediaError(f"{path}: no video in this file, only {kinds or 'nothing'}; give a video")


def decoder_of(stream: VideoStream) -> av.VideoCodecContext:
    """The stream's decoder; VP8 and VP9 with an alpha plane need the ones that read it."""
    names = {name.lower() for name, value in stream.metadata.items() if value == "1"}
    usual = stream.codec_context
    if "alpha_mode" not in names or usual.name not in _ALPHA_DECODERS:
        return usual
    decoder = av.CodecContext.create(_ALPHA_DECODERS[usual.name], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    # The bitstream does not say all that the container says.
    for tag in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(decoder, tag, getattr(usual, tag))
    return decoder


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
