"""Download what its authors publish at an address or on Google Drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from videoinv.checkpoints.progress import byte_bar
from videoinv.checkpoints.verify import is_web_page
from videoinv.errors import FetchError

DRIVE_URL = "https://drive.google.com/uc"
_TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 20


def download_url(url: str, target: Path, what: str) -> None:
    """Download ``url`` to ``target``.

    Raises:
        FetchError: no network, no such address, or a connection that ends too early.
        OSError: ``target`` cannot be written.
    """
    _save(build_opener(), url, target, what)


def download_drive(drive_id: str, target: Path, what: str) -> None:
    """Download a Google Drive file to ``target``, answering the form that large files come with.

    When Drive answers with any other page (a quota, a login), that page is what is in ``target``
    afterwards: the check of the file names it.

    Raises:
        FetchError, OSError: as ``download_url``.
    """
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    url = f"{DRIVE_URL}?{urlencode({'export': 'download', 'id': drive_id})}"
    _save(opener, url, target, what)
    confirmed = _confirm_address(target, url) if is_web_page(target) else None
    if confirmed is not None:
        _save(opener, confirmed, target, what)


def _save(opener: OpenerDirector, url: str, target: Path, what: str) -> None:
    request = Request(url, headers={"User-Agent": "videoinv"})
    with _network_errors(url, what):
        response = opener.open(request, timeout=_TIMEOUT_SECONDS)
    with response, target.open("wb") as copy:
        stated = response.headers.get("Content-Length")
        total = int(stated) if stated is not None else None
        with byte_bar(total, what) as bar:
            while chunk := _read(response, url, what):
                copy.write(chunk)
                bar.update(len(chunk))
    _refuse_short(target, total, what)


def _read(response: IO[bytes], url: str, what: str) -> bytes:
    """The next part of the answer; empty at its end."""
    with _network_errors(url, what):
        return response.read(_CHUNK)


@contextmanager
def _network_errors(url: str, what: str) -> Iterator[None]:
    """Only around what asks the network: a full disk is an ``OSError`` too."""
    try:
        yield
    except (OSError, HTTPException) as error:
        raise FetchError(
            f"{what} could not be downloaded from {url} ({error}): check the network and try "
            f"again, or hand the file over with `videoinv models install {what} --file PATH`"
        ) from error


def _refuse_short(target: Path, total: int | None, what: str) -> None:
    """``read(n)`` ends silently when the connection breaks, so the length is compared."""
    received = target.stat().st_size
    if total is not None and received != total:
        raise FetchError(
            f"{what}: truncated: the connection ended after {received:,} of {total:,} bytes; "
            "try again"
        )


def _confirm_address(page: Path, base: str) -> str | None:
    """Where the "download anyway" form of a Drive page leads; None if it has no such form."""
    form = _DownloadForm()
    form.feed(page.read_text("utf-8", errors="replace"))
    if form.action is None:
        return None
    return f"{urljoin(base, form.action)}?{urlencode(form.fields)}"


class _DownloadForm(HTMLParser):
    """Collects the address and the hidden fields of the form called ``download-form``."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "download-form":
            self.action = given.get("action", "")
        elif tag == "input" and self.action is not None and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
