"""Tensors out of NVlabs' ``.pkl`` networks, which pickle live modules and their source code.

Their pickles call ``torch_utils.persistence._reconstruct_persistent_obj`` with the module's
source and its state. Here that name stands for a function that keeps the state and drops the
source: nothing of it is imported, compiled or run.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videoinv.checkpoints.unpickle import Globals, RestrictedUnpickler
from videoinv.errors import CheckpointError, UnsafePickleError

NETWORK = "G_ema"
"""The key of the generator that is meant to be used: the moving average over training."""


@dataclass(frozen=True)
class PersistentModule:
    """What is kept of one pickled module: its attributes."""

    state: Mapping[str, Any]

    def tensors(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """The parameters and buffers below this module, by the names of its state dict."""
        for section in ("_parameters", "_buffers"):
            for name, tensor in self.state.get(section, {}).items():
                if isinstance(tensor, Tensor):
                    yield prefix + name, tensor.detach()
        for name, module in self.state.get("_modules", {}).items():
            if isinstance(module, PersistentModule):
                yield from module.tensors(f"{prefix}{name}.")


def read_nvlabs_pickle(path: Path) -> dict[str, dict[str, Tensor]]:
    """``{"G_ema": tensors by name}`` from an NVlabs network pickle.

    Raises:
        UnsafePickleError: it names something that such a pickle never needs; nothing was run.
        CheckpointError: it is damaged, or holds no G_ema.
    """
    with path.open("rb") as stream:
        try:
            content = RestrictedUnpickler(stream, _globals()).load()
        except UnsafePickleError as error:
            raise UnsafePickleError(f"{path}: {error}") from None
        except Exception as error:  # a damaged pickle fails in whatever opcode it reaches
            raise CheckpointError(f"{path} is damaged ({error}): download it again") from error
    network = content.get(NETWORK) if isinstance(content, Mapping) else None
    if not isinstance(network, PersistentModule):
        seen = list(content) if isinstance(content, Mapping) else type(content).__name__
        raise CheckpointError(f"{path} is a pickle without a network '{NETWORK}'; it holds {seen}")
    return {NETWORK: dict(network.tensors())}


def _globals() -> Globals:
    """What an NVlabs pickle may name, made anew for every file.

    Anew, because a pickle can set attributes on what it was given.
    """

    def keep_state(meta: Mapping[str, Any]) -> PersistentModule:
        return PersistentModule(dict(meta.get("state") or {}))

    def storage(content: bytes) -> Any:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)

    def tensor(*arguments: Any) -> Any:
        return torch._utils._rebuild_tensor_v2(*arguments)  # type: ignore[no-untyped-call]

    def parameter(data: Tensor, *_: object) -> Tensor:
        return data

    easy_dict = type("EasyDict", (dict,), {})
    return {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): keep_state,
        ("dnnlib.util", "EasyDict"): easy_dict,
        ("dnnlib", "EasyDict"): easy_dict,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch.storage", "_load_from_bytes"): storage,
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
    }
