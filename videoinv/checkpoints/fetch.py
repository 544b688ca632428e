"""Fetch catalog files into the user's cache: verified, atomic, offline once they are there."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from videoinv.checkpoints.cache import CHOOSE_CACHE, atomic_path, cache_dir
from videoinv.checkpoints.catalog import Entry, load_catalog
from videoinv.checkpoints.download import download_drive, download_url
from videoinv.checkpoints.packages import download_archive, extract_member
from videoinv.checkpoints.sources import (
    DriveSource,
    HandSource,
    Package,
    PackageSource,
    UrlSource,
)
from videoinv.checkpoints.verify import check_file, check_kind
from videoinv.errors import FetchError, OutputError


def fetch(name: str, *, file: Path | None = None) -> Path:
    """Path of a catalog file in the cache, downloaded when it is not there yet.

    Args:
        name: the catalog entry.
        file: a copy that the user has already (the file itself, or for a package member the
            package archive): verified and taken instead of downloading.

    Raises:
        BadInputError: the catalog has no such entry.
        FetchError: the file cannot be had, or is not the one that the catalog promises.
        OutputError: the cache cannot be written.
    """
    entry = load_catalog()[name]
    if file is None and is_cached(entry):
        return cached_path(entry)
    try:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache_dir()) as scratch:
            if file is not None:
                _take(entry, file, Path(scratch))
            else:
                _download(entry, Path(scratch))
    except OSError as error:
        raise OutputError(
            f"{name} cannot be kept in the cache {cache_dir()} ({error}): {CHOOSE_CACHE}"
        ) from error
    return cached_path(entry)


def cached_path(entry: Entry) -> Path:
    """Where the cache keeps ``entry``, whether it is there or not."""
    return cache_dir() / entry.cache_name


def is_cached(entry: Entry) -> bool:
    """Whether the cache holds ``entry`` undamaged; a damaged file counts as absent."""
    try:
        check_cached(entry)
    except FetchError:
        return False
    return True


def check_cached(entry: Entry) -> None:
    """Check the cached file of ``entry``.

    Raises:
        FetchError: it is absent, or not the file that the catalog promises.
    """
    path = cached_path(entry)
    if not path.is_file():
        raise FetchError(
            f"{entry.name}: not in the cache ({path}): `videoinv models install {entry.name}`"
        )
    check_file(path, entry.name, size=entry.bytes, sha256=promised_digest(entry))


def promised_digest(entry: Entry) -> str | None:
    """The digest in the catalog, or else the one that the first fetch recorded."""
    record = _record_path(entry)
    if entry.sha256 is None and record.is_file():
        return record.read_text("ascii").strip()
    return entry.sha256


def _record_path(entry: Entry) -> Path:
    return cache_dir() / f"{entry.cache_name}.sha256"


def _download(entry: Entry, scratch: Path) -> None:
    part = scratch / entry.cache_name
    match entry.source:
        case PackageSource(package=package):
            _keep_members(package, download_archive(package, scratch), scratch)
        case UrlSource(url=url):
            download_url(url, part, entry.name)
            _keep(entry, part)
        case DriveSource(id=drive_id):
            download_drive(drive_id, part, entry.name)
            _keep(entry, part)
        case HandSource(filename=filename):
            raise FetchError(
                f"{entry.name} cannot be fetched, its publisher offers no direct download: get "
                f"{filename} yourself ({entry.description}) and hand it over with "
                f"`videoinv models install {entry.name} --file PATH`"
            )


def _take(entry: Entry, file: Path, scratch: Path) -> None:
    """Keep a file that the user handed over: the entry itself or the archive that holds it."""
    if not file.is_file():
        raise FetchError(f"{file}: no such file; give the path of the downloaded {entry.name}")
    source = entry.source
    if isinstance(source, PackageSource) and file.stat().st_size == source.package.bytes:
        check_file(file, file.name, size=source.package.bytes, sha256=source.package.sha256)
        _keep_members(source.package, file, scratch)
    else:
        _keep(entry, file)


def _keep_members(package: Package, archive: Path, scratch: Path) -> None:
    """Keep every catalog file of an archive, all or none: the others are wanted soon."""
    members = []
    for entry in load_catalog().inside(package):
        assert isinstance(entry.source, PackageSource)
        part = scratch / entry.cache_name
        extract_member(archive, entry.source.member, part)
        check_file(part, entry.name, size=entry.bytes, sha256=entry.sha256)
        members.append((entry, part))
    for entry, part in members:
        _keep(entry, part)


def _keep(entry: Entry, file: Path) -> None:
    """Copy a file into the cache, verified; record its digest where the catalog has none."""
    promised = promised_digest(entry)
    digest = check_file(file, entry.name, size=entry.bytes, sha256=promised)
    if promised is None:
        check_kind(file, entry.name, cached_path(entry).suffix)
    with atomic_path(cached_path(entry)) as part:
        shutil.copyfile(file, part)
        if promised is None:
            _record(entry, digest)


def _record(entry: Entry, digest: str) -> None:
    with atomic_path(_record_path(entry)) as part:
        part.write_text(digest + "\n", "ascii")
    print(
        f"{entry.name}: no digest is published; recorded SHA-256 {digest}, "
        "which later fetches must match",
        file=sys.stderr,
    )
