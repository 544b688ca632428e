"""The two published tensor namings of StyleGAN2, and the sizes that the tensors' shapes tell.

NVlabs' names (``mapping.fc0.weight``, ``synthesis.b8.conv0.weight``) are the ones used inside
this project; rosinality's (``style.1.weight``, ``convs.0.conv.weight``) are translated. Both
store the same numbers: only names and some leading axes of length 1 differ, and no kernel is
flipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from videoinv.errors import CheckpointError

# Constants that the layers make themselves: FIR taps under their various names.
_CONSTANTS = re.compile(r"(^|\.)(resample_filter|kernel)$|num_batches_tracked$")
_CONV_PARTS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
_RGB_PARTS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "bias": "bias",
}


@dataclass(frozen=True)
class StyleGAN2Config:
    """What distinguishes one StyleGAN2 from another."""

    channels: tuple[int, ...]
    """Channels at 4, 8, 16, … pixels."""
    mapping_layers: int = 8
    latent: int = 512
    """Length of z and of a row of the codes."""

    @property
    def resolution(self) -> int:
        """Side of the output in pixels."""
        return 4 << (len(self.channels) - 1)


def conv_name(index: int) -> str:
    """NVlabs' name of a convolution, counted from b4.conv1, b8.conv0, b8.conv1 upwards."""
    block, second = divmod(index + 1, 2)
    return f"synthesis.b{4 << block}.conv{second}"


def convert_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under NVlabs' names and shapes, from either naming; FIR taps are left out.

    A name of neither naming is kept as it is, for the check that follows to report.
    """
    converted = {}
    for name, tensor in state_dict.items():
        if not _CONSTANTS.search(name):
            new_name = _nvlabs_name(name)
            converted[new_name] = _nvlabs_shape(new_name, tensor)
    return converted


def read_config(state_dict: Mapping[str, Tensor]) -> StyleGAN2Config:
    """The sizes of the network whose tensors, under NVlabs' names, these are.

    Raises:
        CheckpointError: if the tensors from which they are read are missing.
    """
    channels: list[int] = []
    while (bias := state_dict.get(f"synthesis.b{4 << len(channels)}.conv1.bias")) is not None:
        channels.append(bias.numel())
    mapping_layers = 0
    while f"mapping.fc{mapping_layers}.weight" in state_dict:
        mapping_layers += 1
    if len(channels) < 2 or mapping_layers == 0:
        found = ", ".join(sorted(state_dict)[:5]) or "none"
        raise CheckpointError(
            "these tensors are no StyleGAN2 generator: there must be mapping.fc0 and synthesis.b4, "
            f"synthesis.b8, … (NVlabs) or style.1, conv1, convs.0, … (rosinality); found {found}"
        )
    latent = state_dict["mapping.fc0.weight"].shape[1]
    return StyleGAN2Config(tuple(channels), mapping_layers, latent)


def _nvlabs_name(name: str) -> str:
    """NVlabs' name of one tensor; a name that is not rosinality's comes back unchanged."""
    for pattern, translate in _TRANSLATIONS:
        if match := re.fullmatch(pattern, name):
            return translate(match) or name
    return name


def _conv_part(index: int, part: str) -> str | None:
    return f"{conv_name(index)}.{_CONV_PARTS[part]}" if part in _CONV_PARTS else None


def _rgb_part(level: int, part: str) -> str | None:
    return f"synthesis.b{4 << level}.torgb.{_RGB_PARTS[part]}" if part in _RGB_PARTS else None


_TRANSLATIONS: tuple[tuple[str, Callable[[re.Match[str]], str | None]], ...] = (
    (r"input\.input", lambda _: "synthesis.b4.const"),
    (r"latent_avg", lambda _: "mapping.w_avg"),
    (r"style\.(\d+)\.(weight|bias)", lambda m: f"mapping.fc{int(m[1]) - 1}.{m[2]}"),
    (r"noises\.noise_(\d+)", lambda m: f"{conv_name(int(m[1]))}.noise_const"),
    (r"conv1\.(.+)", lambda m: _conv_part(0, m[1])),
    (r"convs\.(\d+)\.(.+)", lambda m: _conv_part(int(m[1]) + 1, m[2])),
    (r"to_rgb1\.(.+)", lambda m: _rgb_part(0, m[1])),
    (r"to_rgbs\.(\d+)\.(.+)", lambda m: _rgb_part(int(m[1]) + 1, m[2])),
)


def _nvlabs_shape(name: str, tensor: Tensor) -> Tensor:
    """The tensor without the leading axes of length 1 that rosinality's form has."""
    leaf = name.rpartition(".")[2]
    if leaf in ("noise_strength", "noise_const") or name.endswith("torgb.bias"):
        return tensor.squeeze()
    if (leaf == "const" and tensor.dim() == 4) or (leaf == "weight" and tensor.dim() == 5):
        return tensor.squeeze(0)
    return tensor
