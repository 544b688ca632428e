"""Unpickle data without running code: every global that a pickle names must be on a list."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from videoinv.errors import CheckpointError, UnsafePickleError

Globals = Mapping[tuple[str, str], object]
"""(module, name) as written in the pickle → what stands for it."""


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that resolves only the globals it was given, and imports nothing."""

    def __init__(self, file: IO[bytes], allowed: Globals) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """What stands for ``module.name``.

        Raises:
            UnsafePickleError: the name is not allowed; nothing of it was imported or run.
        """
        try:
            return self._allowed[module, name]
        except KeyError:
            raise UnsafePickleError(
                f"the pickle asks for '{module}.{name}', which is neither numbers nor a plain "
                "container: refused, nothing was run; use a file from its original publisher"
            ) from None


def _reconstruct(*_: object) -> np.ndarray:
    """Stands for numpy's own: an empty array that the pickle then fills."""
    return np.ndarray((0,), np.int8)


def _frozen_dict(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Stands for flax's FrozenDict."""
    return dict(mapping)


NUMPY_GLOBALS: Globals = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): OrderedDict,
    ("flax.core.frozen_dict", "FrozenDict"): _frozen_dict,
}
"""What a pickle of numpy arrays in dictionaries needs."""


def load_numpy_pickle(path: Path) -> Any:
    """The content of a pickle that holds only numpy arrays and plain containers.

    Raises:
        UnsafePickleError: it names anything else.
        CheckpointError: it is no pickle, or a damaged one.
    """
    with path.open("rb") as stream:
        try:
            return RestrictedUnpickler(stream, NUMPY_GLOBALS).load()
        except UnsafePickleError:
            raise
        except Exception as error:  # a damaged pickle fails in whatever opcode it reaches
            raise CheckpointError(
                f"{path} is no pickle of numpy arrays, or a damaged one ({error}): fetch it again"
            ) from error
