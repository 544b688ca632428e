"""Every error that this project raises on purpose.

    VideoInvError            exit code 1: the work could not be done
    ├── BadInputError        exit code 2: the caller can mend it (a file, a name, an option)
    │   ├── MediaError       not a video, or one that cannot be read
    │   ├── CheckpointError  not a checkpoint we know, or a damaged one
    │   └── UnsafePickleError  a pickle that would run code
    ├── FetchError           a file could not be fetched or is not the file that was promised
    ├── OutputError          the result cannot be written where it was asked for
    └── MissingExtraError    an optional package is not installed; the message is the install line

A message says what was wrong, the value, what is allowed, and what to do.
"""

from __future__ import annotations


class VideoInvError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 1


class BadInputError(VideoInvError):
    """The input, a name or an option is wrong and the caller can mend it."""

    exit_code = 2


class MediaError(BadInputError):
    """The file is no video, or one that cannot be read."""


class CheckpointError(BadInputError):
    """The file is no checkpoint of a known system, or it is damaged."""


class UnsafePickleError(CheckpointError):
    """The pickle names something other than tensors and plain data; nothing was executed."""


class FetchError(VideoInvError):
    """A file could not be fetched, or what came is not what the catalog promises."""


class OutputError(VideoInvError):
    """The result cannot be written where it was asked for."""


class MissingExtraError(VideoInvError):
    """An optional package is missing."""

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(
            f"{why} needs the package '{package}', which is not installed: "
            f"pip install 'videoinv[{extra}]'"
        )
