"""Where a catalog file comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal


@dataclass(frozen=True)
class Package:
    """An archive on a package index, fetched with the user's own client."""

    index: Literal["pypi", "npm"]
    project: str
    version: str
    format: Literal["wheel", "sdist", "tarball"]
    bytes: int
    sha256: str
    platform: str | None = None
    """pip's tag of a wheel that is built for one platform: it is fetched on any, for what is in
    it besides its programs."""

    def __str__(self) -> str:
        return f"{self.project} {self.version} ({self.index} {self.format})"


@dataclass(frozen=True)
class PackageSource:
    """One member of a package archive."""

    package: Package
    member: str
    """Path inside the archive."""

    @property
    def filename(self) -> str:
        """The member's own file name."""
        return PurePosixPath(self.member).name

    def __str__(self) -> str:
        return f"{self.member} in {self.package}"


@dataclass(frozen=True)
class UrlSource:
    """A file that its authors publish at a fixed address."""

    url: str
    filename: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class DriveSource:
    """A file that its authors publish on Google Drive."""

    id: str
    filename: str

    def __str__(self) -> str:
        return f"Google Drive id {self.id}"


@dataclass(frozen=True)
class HandSource:
    """A file that cannot be fetched: the user downloads it and hands it over."""

    filename: str

    def __str__(self) -> str:
        return "handed over by the user"


Source = PackageSource | UrlSource | DriveSource | HandSource
