"""Names of devices and dtypes, as the command line and ``load`` take them."""

from __future__ import annotations

import torch

from videoinv.errors import BadInputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(device: str | torch.device) -> torch.device:
    """The device of that name; ``auto`` is the first GPU, or the processor where there is none.

    Raises:
        BadInputError: if there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError):
        raise BadInputError(
            f"device '{device}' is not there; allowed are auto, cpu, cuda, cuda:N, mps"
        ) from None
    return found


def resolve_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """The dtype of that name.

    Raises:
        BadInputError: if it is none that the networks run in.
    """
    if isinstance(dtype, str) and dtype in DTYPES:
        return DTYPES[dtype]
    if isinstance(dtype, torch.dtype) and dtype in DTYPES.values():
        return dtype
    raise BadInputError(f"dtype '{dtype}' is none of {', '.join(DTYPES)}")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run in hardware: on recent GPUs, and CPUs with AVX512-BF16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
