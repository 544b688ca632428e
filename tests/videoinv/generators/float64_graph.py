"""An OpenVINO graph computed in float64, operation by operation: a referee without rounding.

OpenVINO computes in float32 at best, and its rounding in a deep network exceeds what a comparison
wants to see. Only the operations of MobileStyleGAN's two graphs are known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def run_float64(model: Any, value: Tensor) -> Tensor:
    """The first output of an ``openvino.Model`` with one input, in float64."""
    made: dict[str, list[Tensor]] = {}
    for node in model.get_ordered_ops():
        inputs = [
            made[source.get_node().get_friendly_name()][source.get_index()]
            for source in (node.input_value(i) for i in range(node.get_input_size()))
        ]
        kind = node.get_type_name()
        if kind == "Parameter":
            outputs = [value.double()]
        elif kind == "Constant":
            outputs = [_tensor(node.data)]
        elif kind == "Result":
            return inputs[0]
        else:
            outputs = OPERATIONS[kind](inputs, node.get_attributes())
        made[node.get_friendly_name()] = outputs
    raise ValueError("the graph has no result")


def _tensor(data: Any) -> Tensor:
    tensor = torch.from_numpy(data.copy())
    return tensor.double() if tensor.is_floating_point() else tensor.long()


Attributes = dict[str, Any]
Operation = Callable[[list[Tensor], Attributes], list[Tensor]]


def _convolution(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    x, weight = inputs
    begin, end = how["pads_begin"], how["pads_end"]
    assert list(begin) == list(end)
    return [F.conv2d(x, weight, None, tuple(how["strides"]), tuple(begin))]


def _group_convolution(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    x, weight = inputs  # weight: [G, O, I, h, w]
    flat = weight.flatten(0, 1)
    pads, strides = tuple(how["pads_begin"]), tuple(how["strides"])
    return [F.conv2d(x, flat, None, strides, pads, 1, weight.shape[0])]


def _group_deconvolution(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    x, weight = inputs[:2]  # weight: [G, I, O, h, w]
    flat = weight.flatten(0, 1)
    pads, strides = tuple(how["pads_begin"]), tuple(how["strides"])
    return [F.conv_transpose2d(x, flat, None, strides, pads, 0, weight.shape[0])]


def _matmul(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    a, b = inputs
    a = a.mT if how["transpose_a"] else a
    return [a @ (b.mT if how["transpose_b"] else b)]


def _reshape(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    x, shape = inputs
    sizes = shape.tolist()
    if how["special_zero"]:
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return [x.reshape(sizes)]


def _squeeze(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, axes = inputs
    return [x.squeeze(tuple(axes.reshape(-1).tolist()))]


def _unsqueeze(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, axes = inputs
    for axis in sorted(axes.reshape(-1).tolist()):
        x = x.unsqueeze(axis)
    return [x]


def _gather(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, index, axis = inputs
    taken = x.index_select(int(axis), index.reshape(-1))
    shape = [*x.shape[: int(axis)], *index.shape, *x.shape[int(axis) + 1 :]]
    return [taken.reshape(shape)]


def _split(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, axis, lengths = inputs
    sizes = lengths.tolist()
    rest = x.shape[int(axis)] - sum(size for size in sizes if size > 0)
    return list(x.split([rest if size < 0 else size for size in sizes], dim=int(axis)))


def _prelu(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, slope = inputs
    return [torch.where(x < 0, x * slope.reshape(-1)[0], x)]


def _broadcast(inputs: list[Tensor], how: Attributes) -> list[Tensor]:
    del how
    x, shape = inputs[:2]
    return [x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))]


OPERATIONS: dict[str, Operation] = {
    "Add": lambda inputs, _: [inputs[0] + inputs[1]],
    "Broadcast": _broadcast,
    "Concat": lambda inputs, how: [torch.cat(inputs, dim=how["axis"])],
    "Convolution": _convolution,
    "Gather": _gather,
    "GroupConvolution": _group_convolution,
    "GroupConvolutionBackpropData": _group_deconvolution,
    "MatMul": _matmul,
    "Multiply": lambda inputs, _: [inputs[0] * inputs[1]],
    "PRelu": _prelu,
    "Reshape": _reshape,
    "ShapeOf": lambda inputs, _: [torch.tensor(inputs[0].shape)],
    "Squeeze": _squeeze,
    "Tile": lambda inputs, _: [inputs[0].repeat(inputs[1].tolist())],
    "Unsqueeze": _unsqueeze,
    "VariadicSplit": _split,
}
