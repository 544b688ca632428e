"""Files as the publishers write them, with made-up weights inside."""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from . import published, synth

SYSTEMS = {
    "psp": "GradualStyleEncoder",
    "e4e": "Encoder4Editing",
    "restyle-psp": "BackboneEncoder",
    "restyle-e4e": "ProgressiveBackboneEncoder",
}


def mean_codes(sizes: published.Sizes, seed: int = 7) -> Tensor:
    return torch.randn(sizes.rows, sizes.dim, generator=torch.Generator().manual_seed(seed)) * 0.3


def save_torch(path: Path, state: Mapping[str, Tensor], **top: object) -> Path:
    """The psp family's layout: ``state_dict`` beside ``latent_avg`` and ``opts``."""
    torch.save({"state_dict": dict(state), **top}, path)
    return path


def save_nvlabs(path: Path, tensors: Mapping[str, Tensor], source: str = "") -> Path:
    """An NVlabs ``.pkl``: modules as state and source, under names that only they can import."""
    with _nvlabs_modules() as (reconstruct, easy_dict), path.open("wb") as file:

        class Live:
            def __init__(self, tree: Mapping[str, Tensor]) -> None:
                self.state = _module_state(tree, Live)

            def __reduce__(self) -> tuple[object, ...]:
                state = {"module_src": source, "class_name": "Generator", "state": self.state}
                return reconstruct, (easy_dict(type="class", version=6, **state),)

        networks = {"G": Live({}), "D": Live({}), "G_ema": Live(tensors)}
        pickle.dump({**networks, "training_set_kwargs": easy_dict(path="ffhq")}, file)
    return path


BUFFERS = ("noise_const", "resample_filter", "w_avg")


def _module_state(tensors: Mapping[str, Tensor], module: type) -> dict[str, object]:
    """The attributes of an ``nn.Module`` that holds these tensors in its branches."""
    branches: dict[str, dict[str, Tensor]] = {}
    parameters: OrderedDict[str, Tensor] = OrderedDict()
    buffers: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in tensors.items():
        head, _, tail = name.partition(".")
        if tail:
            branches.setdefault(head, {})[tail] = tensor
        elif head in BUFFERS:
            buffers[head] = tensor
        else:
            parameters[head] = torch.nn.Parameter(tensor)
    modules = OrderedDict((name, module(tree)) for name, tree in branches.items())
    return {
        "training": False,
        "_parameters": parameters,
        "_buffers": buffers,
        "_non_persistent_buffers_set": set(),
        "_modules": modules,
    }


@contextmanager
def _nvlabs_modules() -> Iterator[tuple[object, type[dict]]]:
    """Stand-ins for NVlabs' modules while a pickle is written; gone when it is read."""

    def reconstruct(meta: object) -> None:
        raise AssertionError("the pickled module was rebuilt")

    class EasyDict(dict):
        pass

    reconstruct.__module__, reconstruct.__qualname__ = (
        "torch_utils.persistence",
        "_reconstruct_persistent_obj",
    )
    EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
    names = ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")
    modules = {name: ModuleType(name) for name in names}
    modules["torch_utils.persistence"]._reconstruct_persistent_obj = reconstruct
    modules["dnnlib.util"].EasyDict = EasyDict
    sys.modules.update(modules)
    try:
        yield reconstruct, EasyDict
    finally:
        for name in names:
            del sys.modules[name]


def psp_family(path: Path, system: str, sizes: published.Sizes, **how: bool) -> Path:
    """pSp, e4e or ReStyle over either; ``how``: fpn, faces."""
    refining = system.startswith("restyle")
    how.setdefault("fpn", not refining)
    shapes = published.restyle(sizes, channels=6 if refining else 3, **how)
    opts = {"encoder_type": SYSTEMS[system], "output_size": sizes.resolution, "device": "cuda:0"}
    return save_torch(path, synth.state_dict(shapes), latent_avg=mean_codes(sizes), opts=opts)
