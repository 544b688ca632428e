"""The catalog: every third-party file that videoinv can use, with its origin, digest and terms."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from videoinv.checkpoints.sources import (
    DriveSource,
    HandSource,
    Package,
    PackageSource,
    Source,
    UrlSource,
)
from videoinv.errors import BadInputError


@dataclass(frozen=True)
class Entry:
    """One file of the catalog."""

    name: str
    role: str
    source: Source
    bytes: int | None
    sha256: str | None
    """Digest of the file; None where its publisher states none: the first fetch records it."""
    terms: str
    description: str

    @property
    def cache_name(self) -> str:
        """Name of the file in the cache: the entry's name with the published suffix."""
        return self.name + PurePath(self.source.filename).suffix


class Catalog(Mapping[str, Entry]):
    """The entries by name, in the order of the catalog file."""

    def __init__(self, entries: Mapping[str, Entry], groups: Mapping[str, tuple[str, ...]]) -> None:
        self._entries = dict(entries)
        self.groups = dict(groups)
        """Names that stand for several files, such as ``default``."""

    def __getitem__(self, name: str) -> Entry:
        """The entry called ``name``.

        Raises:
            BadInputError: no such entry; the message offers the nearest names.
        """
        if name in self._entries:
            return self._entries[name]
        near = get_close_matches(name, [*self._entries, *self.groups])
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadInputError(
            f"the catalog has no file named '{name}': {hint}`videoinv models list` shows them all"
        )

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def expand(self, names: list[str]) -> list[Entry]:
        """The entries meant by ``names``, each a file or a group, in order and without repeats."""
        members = [member for name in names for member in self.groups.get(name, (name,))]
        return [self[name] for name in dict.fromkeys(members)]

    def inside(self, package: Package) -> list[Entry]:
        """Every entry that comes out of one package archive."""
        return [
            entry
            for entry in self.values()
            if isinstance(entry.source, PackageSource) and entry.source.package == package
        ]


@cache
def load_catalog() -> Catalog:
    """The catalog that ships with videoinv."""
    return parse_catalog(files(__package__).joinpath("catalog.toml").read_text("utf-8"))


def parse_catalog(text: str) -> Catalog:
    """A catalog from the TOML text whose layout ``catalog.toml`` explains."""
    tables = tomllib.loads(text)
    packages = {name: Package(**table) for name, table in tables.get("packages", {}).items()}
    entries = {name: _entry(name, table, packages) for name, table in tables["files"].items()}
    groups = {name: tuple(members) for name, members in tables.get("groups", {}).items()}
    return Catalog(entries, groups)


def _entry(name: str, table: dict[str, Any], packages: Mapping[str, Package]) -> Entry:
    return Entry(
        name=name,
        role=table["role"],
        source=_source(table, packages),
        bytes=table.get("bytes"),
        sha256=table.get("sha256"),
        terms=table["terms"],
        description=table["description"],
    )


def _source(table: dict[str, Any], packages: Mapping[str, Package]) -> Source:
    if "package" in table:
        return PackageSource(packages[table["package"]], table["member"])
    if "url" in table:
        return UrlSource(table["url"], table["file"])
    if "drive" in table:
        return DriveSource(table["drive"], table["file"])
    return HandSource(table["file"])
