"""Weights of the published MobileStyleGAN-FFHQ: read from its graph, kept as safetensors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from videoinv.checkpoints.cache import CHOOSE_CACHE, cache_dir, write_path
from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.openvino_ir import Constant, read_constants
from videoinv.errors import CheckpointError
from videoinv.generators.mobile_layers import STYLE_DIM
from videoinv.generators.mobilestylegan import MobileStyleGAN

MEAN_SAMPLES = 100_000
MEAN_SEED = 0
HEADS = Path(__file__).with_name("mobilestylegan_heads.safetensors")
"""Our own image heads, shipped with the package."""


def load_mobilestylegan() -> MobileStyleGAN:
    """The published generator with our image heads, in float32 on the CPU.

    The first call fetches the graph and converts it; later ones read the converted file. One that
    is broken, or of a version with other tensors, is made anew.

    Raises:
        FetchError: the graph is not cached and cannot be fetched.
        CheckpointError: the graph is not that of a MobileStyleGAN.
        OutputError: the converted file cannot be kept.
    """
    path = cache_dir() / "mobilestylegan-ffhq-1024.safetensors"
    generator, heads = MobileStyleGAN(), load_heads()
    try:
        generator.load_state_dict({**load_file(path), **heads})
    except (FileNotFoundError, SafetensorError, RuntimeError):
        state = _converted()
        with write_path(path, "the converted generator", CHOOSE_CACHE) as partial:
            save_file(state, partial)
        generator.load_state_dict({**state, **heads})
    return generator.eval().requires_grad_(False)


def _converted() -> dict[str, Tensor]:
    graphs = [
        read_constants(fetch(f"mobilestylegan-{part}-xml"), fetch(f"mobilestylegan-{part}-bin"))
        for part in ("mapping", "synthesis")
    ]
    return convert(*graphs)


def load_heads(path: Path = HEADS) -> dict[str, Tensor]:
    """The image heads' weights under the names that they have in the generator, in float32."""
    return {f"heads.{name}": tensor.float() for name, tensor in load_file(path).items()}


def convert(mapping: Iterable[Constant], synthesis: Iterable[Constant]) -> dict[str, Tensor]:
    """The generator's state (without image heads) from the constants of the two graphs.

    The mean codes are not published; they are estimated here from the mapping network.

    Raises:
        CheckpointError: if the graphs are not those of a MobileStyleGAN.
    """
    state = {**_mapping_state(mapping), **_synthesis_state(synthesis)}
    generator = MobileStyleGAN(head_layers=())
    wanted = generator.state_dict()
    wrong = [
        name
        for name in wanted.keys() | state.keys()
        if name != "mean_codes"
        and (name not in wanted or name not in state or wanted[name].shape != state[name].shape)
    ]
    if wrong:
        raise CheckpointError(f"the graph is no MobileStyleGAN: {sorted(wrong)[:3]} do not fit")
    generator.load_state_dict(state, strict=False)
    state["mean_codes"] = _mean_style(generator).expand(generator.styles, -1).contiguous()
    return state


@torch.no_grad()
def _mean_style(generator: MobileStyleGAN) -> Tensor:
    z = torch.randn(MEAN_SAMPLES, STYLE_DIM, generator=torch.Generator().manual_seed(MEAN_SEED))
    return generator.mapping(z).mean(dim=0)  # type: ignore[no-any-return]


def _mapping_state(constants: Iterable[Constant]) -> dict[str, Tensor]:
    """Weights and biases alternate; everything else is a scalar of the arithmetic."""
    tensors = [c.value for c in constants if c.value.numel() > 1]
    kinds = ("weight", "bias")
    return {f"mapping.layers.{i // 2}.{kinds[i % 2]}": t for i, t in enumerate(tensors)}


def _synthesis_state(constants: Iterable[Constant]) -> dict[str, Tensor]:
    """Named constants by their names; the others by the named bias that follows them.

    A convolution's demodulated weight and its noise map have no name of their own in the graph:
    they stand between the convolution's depthwise weight and its bias.
    """
    state: dict[str, Tensor] = {}
    unnamed: dict[str, Tensor] = {}
    for constant in constants:
        value = constant.value
        if constant.name.startswith("m."):
            layer, leaf = _rename(constant.name)
            state[f"{layer}.{leaf}".lstrip(".")] = _reshape(leaf, value)
            if leaf == "bias":
                state.update({f"{layer}.{name}": tensor for name, tensor in unnamed.items()})
                unnamed = {}
        elif constant.name.endswith("_copy"):
            unnamed["weight"] = value.flatten(1) if value.shape[-1] == 1 else value
        elif value.ndim == 4 and value.shape[:2] == (1, 1) and value.shape[-1] > 2:
            unnamed["noise"] = value
    return _fold_style_gains(state)


_RENAMES = (
    (r"^m\.input\.input$", ".constant"),
    (r"^m\.conv1\.", "head."),
    (r"^m\.layers\.\d+\.to_img\.", "to_img."),
    (r"^m\.layers\.", "blocks."),
    (r"conv\.modulation\.", "style."),
    (r"up\.modulation\.", "up."),
    (r"conv\.weight_dw$", "depthwise"),
    (r"conv\.weight$", "weight"),
)


def _rename(name: str) -> tuple[str, str]:
    """A published name → our layer and leaf."""
    for pattern, ours in _RENAMES:
        name = re.sub(pattern, ours, name)
    layer, _, leaf = name.rpartition(".")
    return layer, leaf


def _reshape(leaf: str, value: Tensor) -> Tensor:
    """The published tensors carry axes of length one for broadcasting."""
    if leaf == "bias":
        return value.flatten()
    if leaf == "depthwise":
        return value.flatten(1, 2)
    return value.flatten(1) if value.ndim == 4 and value.shape[-1] == 1 else value


def _fold_style_gains(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Multiply each convolution's style by its equalised-learning-rate gain, 1/√(I·k²).

    k is 3 for the convolutions, whose separable form inherits the gain of the full one, and 1
    for the image. The style of ``up`` has no gain.
    """
    for name in [n for n in state if ".style." in n]:
        channels = state[name].shape[0]
        taps = 1 if name.startswith("to_img.") else 9
        state[name] = state[name] * (channels * taps) ** -0.5
    return state
