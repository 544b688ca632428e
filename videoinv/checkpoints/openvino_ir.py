"""The constants of a network published as an OpenVINO graph (an .xml beside a .bin).

Only data is read: the graph is never compiled or run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from videoinv.errors import CheckpointError


@dataclass(frozen=True)
class Constant:
    """One float32 constant of the graph, in the graph's own order."""

    name: str
    value: Tensor


def read_constants(xml: Path, weights: Path) -> Iterator[Constant]:
    """Yield the float32 constants of a graph, in the order in which its layers are numbered.

    Raises:
        CheckpointError: if the file is no OpenVINO graph, or its weights are cut short.
    """
    try:
        layers = ElementTree.parse(xml).getroot().find("layers")
    except ElementTree.ParseError as error:
        raise CheckpointError(f"{xml} is not an OpenVINO graph: {error}") from error
    if layers is None:
        raise CheckpointError(f"{xml} is not an OpenVINO graph: it has no layers")
    data = weights.read_bytes()
    for layer in layers:
        about = layer.find("data")
        if layer.get("type") != "Const" or about is None or about.get("element_type") != "f32":
            continue
        offset, size = int(about.get("offset", 0)), int(about.get("size", 0))
        if offset + size > len(data):
            raise CheckpointError(
                f"{weights} is cut short: {len(data)} bytes, but a constant of the graph "
                f"ends at {offset + size}; fetch it again"
            )
        shape = [int(side) for side in about.get("shape", "").split(",") if side]
        values = np.frombuffer(data, dtype="<f4", count=size // 4, offset=offset)
        yield Constant(layer.get("name", ""), torch.from_numpy(values.reshape(shape).copy()))
