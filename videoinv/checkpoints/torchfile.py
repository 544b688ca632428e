"""Read a checkpoint file without running anything that it says.

Known are torch archives, NVlabs pickles and safetensors. Torch's own restricted reader does the
work for its archives (its ``weights_only`` mode, with ``argparse.Namespace`` and paths let through
because published checkpoints carry their options); large archives are mapped and not copied.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from videoinv.checkpoints.nvlabs_pickle import read_nvlabs_pickle
from videoinv.errors import CheckpointError, UnsafePickleError

_ZIP = b"PK\x03\x04"
_LEGACY_TORCH = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"
_PICKLE = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))
_PAGE = (b"<!doctype html", b"<html", b"<?xml")

_PLAIN: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    Namespace,
    *((PurePosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")),
    *((PurePosixPath, f"{module}.PurePosixPath") for module in ("pathlib", "pathlib._local")),
    *((PureWindowsPath, f"{module}.WindowsPath") for module in ("pathlib", "pathlib._local")),
    *((PureWindowsPath, f"{module}.PureWindowsPath") for module in ("pathlib", "pathlib._local")),
]
"""Beyond what torch lets through itself. A path stays a pure one: it is never opened."""


@dataclass(frozen=True)
class Content:
    """What a checkpoint file holds at its top."""

    path: Path
    data: Mapping[str, Any]
    metadata: Mapping[str, str] = field(default_factory=dict)
    """A safetensors file's own; empty otherwise."""

    def section(self, name: str) -> dict[str, Any]:
        """An inner dictionary of plain data, or an empty one; a ``Namespace`` counts as one."""
        inner = self.data.get(name)
        if isinstance(inner, Namespace):
            return vars(inner)
        return dict(inner) if isinstance(inner, Mapping) else {}


def read_checkpoint(path: Path) -> Content:
    """The content of a checkpoint file.

    Raises:
        CheckpointError: the file is missing, a web page, damaged, or of no known kind.
        UnsafePickleError: it would need code to be run; nothing was.
    """
    head = _head(path)
    if _is_torch(head):
        return Content(path, _mapping(path, _read_torch(path, head)))
    if head.startswith(_PICKLE):
        return Content(path, read_nvlabs_pickle(path))
    if head[8:9] == b"{":
        return _read_safetensors(path)
    raise CheckpointError(
        f"{path} is no checkpoint: it starts with {head[:16]!r}; known are torch archives (.pt, "
        ".pth), NVlabs pickles (.pkl) and safetensors"
    )


def read_torch(path: Path) -> object:
    """What a torch file holds at its top: a tensor, or a container of plain data.

    Raises:
        CheckpointError: the file is missing, a web page, damaged, or no torch file.
        UnsafePickleError: it would need code to be run; nothing was.
    """
    head = _head(path)
    if _is_torch(head):
        return _read_torch(path, head)
    raise CheckpointError(
        f"{path} is no torch file: it starts with {head[:16]!r}; what torch.save wrote is known"
    )


def _head(path: Path) -> bytes:
    """The first bytes of a file that is at least no web page."""
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}): give the path of a checkpoint or a name "
            "from `videoinv models list`"
        ) from error
    if head.lstrip().lower().startswith(_PAGE):
        raise CheckpointError(
            f"{path} is a web page and no checkpoint (a download quota or a login page was saved "
            "under its name): download it again in a browser"
        )
    return head


def _is_torch(head: bytes) -> bool:
    return head.startswith((_ZIP, _LEGACY_TORCH))


def _read_torch(path: Path, head: bytes) -> object:
    return _read_zip(path) if head.startswith(_ZIP) else _torch_load(path, mmap=False)


def _mapping(path: Path, content: object) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__} at its top; a checkpoint of a known system "
            "is a dictionary"
        )
    return content


def _read_zip(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise CheckpointError(
            f"{path} is truncated: {path.stat().st_size:,} bytes of a torch archive without its "
            "end; download it again"
        ) from error
    for name in names:
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name):
            raise CheckpointError(f"{path} is refused: it names a file outside itself, '{name}'")
    if not any(name.endswith("data.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a zip archive but no torch checkpoint: it holds {', '.join(names[:3])}; "
            "if it packs the checkpoint, unpack it first"
        )
    if any(name.endswith("constants.pkl") for name in names):
        raise UnsafePickleError(
            f"{path} is a TorchScript program, which is code: refused, nothing was run; use the "
            "publisher's checkpoint of tensors"
        )
    return _torch_load(path, mmap=True)


def _torch_load(path: Path, *, mmap: bool) -> object:
    """``torch.load`` in its restricted mode, its refusals told in this project's words."""
    try:
        with torch.serialization.safe_globals(_PLAIN), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise _refusal(path, str(error)) from None
    except Exception as error:  # a damaged archive fails in whatever part is reached
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path} is damaged ({reason[0]}): download it again") from error


def _refusal(path: Path, message: str) -> CheckpointError:
    named = re.search(r"GLOBAL (\S+)|(?:class|function|type)\W+([\w.]+\.\w+)", message)
    if named is None and "perand" not in message:
        return CheckpointError(f"{path} is damaged ({message.splitlines()[0]}): download it again")
    what = (named and (named[1] or named[2])) or "an instruction that plain data never needs"
    if "." not in what and named is not None:
        what = f"builtins.{what}"  # torch leaves the module out of these
    return UnsafePickleError(
        f"{path} asks for '{what}', which is neither a tensor nor plain data: refused, nothing "
        "was run; use a file from its original publisher"
    )


def _read_safetensors(path: Path) -> Content:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Content(path, tensors, file.metadata() or {})
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({error}): download it again") from error
