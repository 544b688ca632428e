"""Is this file the one that the catalog promises? Asked before anything opens it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from videoinv.checkpoints.cache import sha256_of
from videoinv.errors import FetchError


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
    _refuse_web_page(path, what)
    _refuse_truncated(path, what, size)
    digest = sha256_of(path)
    if sha256 is not None and digest != sha256:
        raise FetchError(
            f"{what}: wrong digest: SHA-256 is {digest}, the catalog promises {sha256}; "
            "this is another or a damaged file: fetch it again from its publisher"
        )
    return digest


def _refuse_web_page(path: Path, what: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise FetchError(
            f"{what}: a web page came instead of the file (a download quota or a login page): "
            "download it in a browser and hand it over with "
            "`videoinv models install NAME --file PATH`"
        )


def _refuse_truncated(path: Path, what: str, size: int | None) -> None:
    actual = path.stat().st_size
    if size is not None and actual != size:
        kind = "truncated" if actual < size else "too long"
        raise FetchError(
            f"{what}: {kind}: {actual:,} bytes, the catalog promises {size:,}; fetch it again"
        )
    if size is None and _is_broken_zip(path):
        raise FetchError(
            f"{what}: truncated: {actual:,} bytes of a zip archive without its end; fetch it again"
        )


def _is_broken_zip(path: Path) -> bool:
    """Whether it starts as a zip, as torch checkpoints do, but lacks the directory at the end."""
    with path.open("rb") as stream:
        starts = stream.read(4) == b"PK\x03\x04"
    return starts and not zipfile.is_zipfile(path)
