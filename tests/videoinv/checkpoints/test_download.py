"""Addresses and Google Drive, from a web server on this machine."""

import errno
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from videoinv.checkpoints import download
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import FetchError, OutputError


def checkpoint(content: bytes = b"tensors " * 3000) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), content)  # without the time
    return buffer.getvalue()


FORM = b"""<!DOCTYPE html><html><title>Virus scan warning</title>
<form id="download-form" action="/confirmed" method="get">
<input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="DRIVE"><input type="hidden" name="confirm" value="t">
</form></html>"""
QUOTA = b"<html><title>Google Drive - Quota exceeded</title></html>"


class Server(ThreadingHTTPServer):
    """Answers each path with the bytes set for it, or with a part of what it announces."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.broken_after: int | None = None
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        body = self.server.pages.get(self.path.partition("?")[0])
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.broken_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(download, "DRIVE_URL", f"{running.url}/drive")
        yield running
        running.shutdown()


@pytest.fixture
def entries(server, use_catalog):
    common = 'role = "test"\nterms = "none"\ndescription = "a test file"\nfile = "model.pt"\n'
    digest = '"' + "0" * 64 + '"'
    use_catalog(
        f'[files.at-url]\n{common}url = "{server.url}/model"\n'
        f'[files.on-drive]\n{common}drive = "DRIVE"\n'
        f'[files.promised]\n{common}drive = "DRIVE"\nsha256 = {digest}\n'
        f"[files.by-hand]\n{common}"
    )


@pytest.fixture(autouse=True)
def _all(cache, server, entries):
    """Every test here has an empty cache, the server and the entries."""


def test_the_first_fetch_records_the_digest_and_says_so(server, cache, capsys):
    server.pages["/model"] = checkpoint()
    path = fetch("at-url")
    assert path.read_bytes() == checkpoint()
    assert "recorded SHA-256" in capsys.readouterr().err
    assert sorted(file.name for file in cache.iterdir()) == ["at-url.pt", "at-url.pt.sha256"]


def test_later_fetches_must_match_the_record(server):
    server.pages["/model"] = checkpoint()
    path = fetch("at-url")
    path.unlink()
    server.pages["/model"] = checkpoint(b"others")
    with pytest.raises(FetchError, match="wrong digest"):
        fetch("at-url")
    assert not path.exists()


def test_once_cached_the_server_is_not_asked(server):
    server.pages["/model"] = checkpoint()
    fetch("at-url")
    server.seen.clear()
    fetch("at-url")
    assert server.seen == []


def test_drive_files_come_straight(server):
    server.pages["/drive"] = checkpoint()
    assert fetch("on-drive").read_bytes() == checkpoint()
    assert server.seen == ["/drive?export=download&id=DRIVE"]


def test_the_confirm_form_of_large_drive_files_is_answered(server):
    server.pages |= {"/drive": FORM, "/confirmed": checkpoint()}
    assert fetch("on-drive").read_bytes() == checkpoint()
    assert server.seen[-1] == "/confirmed?id=DRIVE&confirm=t"


@pytest.mark.parametrize("name", ["on-drive", "promised"])
@pytest.mark.parametrize("confirmed", [None, QUOTA, FORM], ids=["none", "quota", "form again"])
def test_a_quota_page_is_not_taken_for_a_checkpoint(server, cache, name, confirmed):
    server.pages["/drive"] = QUOTA if confirmed is None else FORM
    server.pages["/confirmed"] = confirmed or b""
    with pytest.raises(FetchError, match="a web page came instead"):
        fetch(name)
    assert not any(cache.iterdir())


def test_a_wrong_digest(server, cache):
    server.pages["/drive"] = checkpoint()
    with pytest.raises(FetchError, match="promised: wrong digest"):
        fetch("promised")
    assert not any(cache.iterdir())


def test_a_connection_that_breaks(server, cache):
    server.pages["/model"] = checkpoint()
    server.broken_after = 1000
    with pytest.raises(FetchError, match=r"at-url: truncated: .* after 1,000 of"):
        fetch("at-url")
    assert not any(cache.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [(checkpoint()[:-30], "truncated"), (b"not found, sorry", "not a .pt file")],
)
def test_a_damaged_checkpoint_without_a_known_digest(server, cache, content, message):
    server.pages["/model"] = content
    with pytest.raises(FetchError, match=message):
        fetch("at-url")
    assert not any(cache.iterdir())


def test_an_address_that_is_gone(server, cache):
    with pytest.raises(FetchError, match="404"):
        fetch("at-url")
    assert not any(cache.iterdir())


def test_no_network(server, cache):
    server.shutdown()
    server.server_close()
    with pytest.raises(FetchError, match="check the network"):
        fetch("at-url")
    assert not any(cache.iterdir())


def test_a_place_that_cannot_be_written_is_no_matter_of_the_network(server, tmp_path):
    server.pages["/model"] = checkpoint()
    with pytest.raises(FileNotFoundError):
        download.download_url(f"{server.url}/model", tmp_path / "absent" / "model.pt", "model")


def test_a_full_disk_is_said_to_be_one(server, cache, monkeypatch):
    def full(self, total):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.pages["/model"] = checkpoint()
    monkeypatch.setattr("tqdm.tqdm.update", full)  # called after each part that is written
    with pytest.raises(OutputError, match=r"No space left.*set VIDEOINV_CACHE"):
        fetch("at-url")
    assert not any(cache.iterdir())


def test_a_file_that_cannot_be_fetched_says_how_to_hand_it_over(server, cache, tmp_path):
    with pytest.raises(FetchError, match="models install by-hand --file PATH"):
        fetch("by-hand")
    assert not any(cache.iterdir())
    given = tmp_path / "model.pt"
    given.write_bytes(checkpoint())
    assert fetch("by-hand", file=given).read_bytes() == checkpoint()
