"""Seconds that work takes, also on a device that works on after the call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What the work returns, and the seconds until its device has done it.

    A GPU takes orders and works them off later, so it is waited for on both sides: what was
    ordered before is not counted, and what the work orders is.
    """
    _wait_for(device)
    begin = time.perf_counter()
    result = work()
    _wait_for(device)
    return result, time.perf_counter() - begin


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
