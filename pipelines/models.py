"""``videoinv models``: what the catalog offers, what is installed, and whether it is intact."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from pipelines import convert
from videoinv.checkpoints.cache import cache_dir
from videoinv.checkpoints.catalog import Entry, load_catalog
from videoinv.checkpoints.fetch import cached_path, check_cached, fetch, promised_digest
from videoinv.errors import BadInputError, FetchError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``models`` and its actions to the command line."""
    parser = commands.add_parser("models", help="list, install and verify model files")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_action(actions, "list", _list, "every file of the catalog")
    install = _add_action(actions, "install", _install, "fetch files into the cache")
    install.add_argument("names", nargs="+", metavar="NAME", help="file or group, e.g. default")
    install.add_argument(
        "--file", type=Path, metavar="PATH", help="a copy downloaded by hand, of the one NAME"
    )
    verify = _add_action(actions, "verify", _verify, "check cached files against their digests")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are cached")
    info = _add_action(actions, "info", _info, "origin, digest and terms of a file")
    info.add_argument("names", nargs="+", metavar="NAME", help="file or group")
    convert.add_parser(actions)


def _add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    return parser


def _list(_: argparse.Namespace) -> int:
    catalog = load_catalog()
    width = max(map(len, catalog))
    for entry in catalog.values():
        cached = "cached" if cached_path(entry).is_file() else "-"
        print(
            f"{entry.name:{width}}  {entry.role:10}  {_size(entry):>9}  {cached:6}  {entry.terms}"
        )
    for group, members in catalog.groups.items():
        print(f"\n{group} = {' '.join(members)}")
    return 0


def _install(args: argparse.Namespace) -> int:
    entries = load_catalog().expand(args.names)
    if args.file is not None and len(entries) != 1:
        raise BadInputError(
            f"--file hands over one file, but {len(entries)} are named: give one NAME"
        )
    for entry in entries:
        print(f"{entry.name}  {fetch(entry.name, file=args.file)}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    entries = load_catalog().expand(args.names) or _cached()
    failures = 0
    for entry in entries:
        try:
            check_cached(entry)
            print(f"{entry.name}  ok")
        except FetchError as error:
            failures += 1
            print(f"FAILED  {error}")
    print(f"{len(entries) - failures} of {len(entries)} files intact in {cache_dir()}")
    return 1 if failures else 0


def _cached() -> list[Entry]:
    return [entry for entry in load_catalog().values() if cached_path(entry).is_file()]


def _info(args: argparse.Namespace) -> int:
    for entry in load_catalog().expand(args.names):
        digest = promised_digest(entry) or "not published; the first fetch records it"
        path = cached_path(entry)
        print(f"{entry.name}: {entry.description}")
        print(f"  role    {entry.role}")
        print(f"  source  {entry.source}")
        print(f"  size    {_size(entry)}")
        print(f"  sha256  {digest}")
        print(f"  terms   {entry.terms}")
        print(f"  cache   {path if path.is_file() else 'not installed'}")
    return 0


def _size(entry: Entry) -> str:
    """Bytes for people: 37.6 MB; a question mark where the publisher states none."""
    if entry.bytes is None:
        return "?"
    return f"{entry.bytes / 1e6:.1f} MB" if entry.bytes >= 1e5 else f"{entry.bytes / 1e3:.1f} kB"
