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


def open_video(path: Path) -> InputContainer:
    """Open a media file for reading.

    Raises:
        MediaError: if it is missing, a folder, or no media file.
    """
    if not path.exists():
        raise MediaError(f"{path}: no such file; give the path of a video")
    if path.is_dir():
        raise MediaError(f"{path}: a folder, not a video; give the path of one video file")
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
    """The stream's decoder; VP9 with an alpha plane needs the one that reads it."""
    names = {name.lower() for name, value in stream.metadata.items() if value == "1"}
    if "alpha_mode" in names and stream.codec_context.name == "vp9":
        return av.CodecContext.create("libvpx-vp9", "r")
    return stream.codec_context


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
