"""Records one after another in a file that only grows, so that a kill costs the last one at most.

A record is its length and CRC-32, then the label and the tensors:
the length of the label, the label in UTF-8, and a safetensors file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

_FRAME = struct.Struct("<QI")
_LABEL = struct.Struct("<I")


@dataclass(frozen=True, eq=False)
class Record:
    """Tensors under a label."""

    label: str
    tensors: Mapping[str, Tensor]


class DamagedRecordError(Exception):
    """The bytes at this place are no record that was written whole."""


def write_record(file: BinaryIO, record: Record) -> None:
    """Append a record to an unbuffered file: a kill does not lose it any more.

    Raises:
        OSError: if the disk does not take it; a part of it may be in the file.
    """
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in record.tensors.items()}
    label = record.label.encode()
    payload = _LABEL.pack(len(label)) + label + save(dense)
    write_all(file, _FRAME.pack(len(payload), zlib.crc32(payload)) + payload)


def write_all(file: BinaryIO, content: bytes) -> None:
    """Write to an unbuffered file, which may take a part at a time.

    Raises:
        OSError: if the disk does not take it; a part of it may be in the file.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def read_record(file: BinaryIO) -> Record | None:
    """The next record; ``None`` at the end of the file, also if its last record is a torso.

    Raises:
        DamagedRecordError: if what stands here was not written by :func:`write_record`.
    """
    frame = file.read(_FRAME.size)
    if len(frame) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(frame)
    if length > _left(file):
        return None
    payload = file.read(length)
    if zlib.crc32(payload) != checksum:
        raise DamagedRecordError("its checksum is wrong")
    try:
        (size,) = _LABEL.unpack_from(payload)
        start = _LABEL.size + size
        return Record(payload[_LABEL.size : start].decode(), load(payload[start:]))
    except (struct.error, UnicodeDecodeError, SafetensorError) as error:
        raise DamagedRecordError(f"it cannot be read: {error}") from error


def _left(file: BinaryIO) -> int:
    """Bytes from here to the end."""
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end - here
