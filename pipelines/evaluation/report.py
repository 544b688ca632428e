"""What a report says, whatever its format."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import av
import cv2
import numpy as np
import torch

from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.networks import METHODS
from pipelines.evaluation.tables import Table
from videoinv import __version__


def surroundings() -> dict[str, str]:
    """Versions and machine."""
    versions = {
        "videoinv": __version__,
        "torch": torch.__version__,
        "OpenCV": cv2.__version__,
        "PyAV": av.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {device}",
    }


@dataclass(frozen=True)
class Report:
    """One evaluation of any number of clips."""

    title: str
    tables: tuple[Table, ...]
    details: tuple[Evaluation, ...] = ()
    """Clips shown with curves and pictures."""
    notes: tuple[str, ...] = ()
    methods: Mapping[str, str] = field(default_factory=lambda: METHODS)
    surroundings: Mapping[str, str] = field(default_factory=surroundings)
