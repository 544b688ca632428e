"""Numbers that JSON has no form for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A JSON value with infinities and NaN as text, which strict readers refuse as numbers."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def unplain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers by name out of JSON that ``plain`` made."""
    return {name: float(v) if isinstance(v, str) else v for name, v in values.items()}
