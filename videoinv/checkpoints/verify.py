"""Is this file the one that the catalog promises? Asked before anything opens it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from videoinv.checkpoints.cache import sha256_of
from videoinv.errors import FetchError

_ZIP, _PICKLE, _GZIP = b"PK\x03\x04", b"\x80", b"\x1f\x8b"
_MAGIC = {
    ".pt": (_ZIP, _PICKLE),
    ".pth": (_ZIP, _PICKLE),
    ".pkl": (_PICKLE,),
    ".zip": (_ZIP,),
    ".gz": (_GZIP,),
}
"""First bytes of a file by suffix: all there is to go by where no digest is known."""


def check_file(path: Path, what: str, *, size: int | None, sha256: str | None) -> str:
    """Check one file against what is known of it and return its SHA-256.

    Args:
        path: the file.
        what: how the error calls it, such as ``"yunet"``.
        size: bytes promised, where known.
        sha256: digest promised, where known.

    Raises:
        FetchError: a web page, a truncated file, or another file than the promised one.
    """
    if is_web_page(path):
        raise FetchError(
            f"{what}: a web page came instead of the file (a download quota or a login page): "
            "download it in a browser and hand it over with "
            "`videoinv models install NAME --file PATH`"
        )
    _refuse_wrong_size(path, what, size)
    digest = sha256_of(path)
    if sha256 is not None and digest != sha256:
        raise FetchError(
            f"{what}: wrong digest: SHA-256 is {digest}, {sha256} is promised; "
            "this is another or a damaged file: fetch it again from its publisher"
        )
    return digest


def check_kind(path: Path, what: str, suffix: str) -> None:
    """Check that a file without a known digest is at least a whole file of its kind.

    Raises:
        FetchError: its first bytes are not those of ``suffix``, or it is a zip without its end.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    if suffix in _MAGIC and not head.startswith(_MAGIC[suffix]):
        raise FetchError(
            f"{what}: not a {suffix} file: it starts with {head!r}; "
            "download it again from its publisher"
        )
    if head == _ZIP and not zipfile.is_zipfile(path):  # torch checkpoints are zips
        raise FetchError(
            f"{what}: truncated: a zip archive of {path.stat().st_size:,} bytes without its end; "
            "download it again"
        )


def is_web_page(path: Path) -> bool:
    """Whether the file is HTML."""
    with path.open("rb") as stream:
        head = stream.read(512).lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html"))


def _refuse_wrong_size(path: Path, what: str, size: int | None) -> None:
    actual = path.stat().st_size
    if size is not None and actual != size:
        kind = "truncated" if actual < size else "too long"
        raise FetchError(
            f"{what}: {kind}: {actual:,} bytes where {size:,} are promised; fetch it again"
        )
