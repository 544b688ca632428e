"""One adapter per published checkpoint format, asked in the order of this registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from videoinv.checkpoints.torchfile import Content, read_checkpoint
from videoinv.errors import CheckpointError
from videoinv.published.formats.converted import ConvertedModel
from videoinv.published.formats.e2style import E2StyleFormat
from videoinv.published.formats.hyperinverter import HyperInverterFormat
from videoinv.published.formats.parts import Parts
from videoinv.published.formats.psp_family import Iterative, OnePass, SingleCode
from videoinv.published.formats.stylegan2 import NVlabsGenerator, RosinalityGenerator


class Format(Protocol):
    """A published file layout."""

    name: str

    @staticmethod
    def detect(content: Content) -> bool:
        """Whether the content is of this format, by its keys and shapes."""

    @staticmethod
    def load(content: Content) -> Parts:
        """The parts of a content that was detected."""


FORMATS: tuple[type[Format], ...] = (
    ConvertedModel,
    NVlabsGenerator,
    RosinalityGenerator,
    HyperInverterFormat,
    E2StyleFormat,
    SingleCode,
    OnePass,
    Iterative,
)


def read_parts(path: Path) -> tuple[Parts, Content]:
    """The parts of a checkpoint file, and the content that they were found in.

    Raises:
        CheckpointError: damaged, or of no known system; the message says what was seen.
        UnsafePickleError: it would need code to be run; nothing was.
    """
    content = read_checkpoint(path)
    for adapter in FORMATS:
        if adapter.detect(content):
            return adapter.load(content), content
    known = ", ".join(adapter.name for adapter in FORMATS)
    raise CheckpointError(
        f"{path} is a checkpoint of no known system: {_what_was_seen(content)}; known are {known}"
    )


def _what_was_seen(content: Content) -> str:
    tensors = dict(_tensors(content.data))
    shapes = [f"'{name}' {list(tensor.shape)}" for name, tensor in list(tensors.items())[:5]]
    keys = ", ".join(str(key) for key in list(content.data)[:8])
    return f"keys {keys}; {len(tensors)} tensors" + (
        f", first {', '.join(shapes)}" if shapes else ""
    )


def _tensors(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for key, value in data.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{key}", value
        elif isinstance(value, Mapping):
            yield from _tensors(value, f"{prefix}{key}.")
