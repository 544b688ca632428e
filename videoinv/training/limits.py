"""What the numbers of a recipe may be: one that no step can be made with is refused before any."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from videoinv.errors import BadInputError

POSITIVE = {
    "mixture-size",
    "small-side",
    "full-every",
    "regression-batch",
    "restyle-steps",
    "optimisation-accumulate",
    "optimisation-r1-every",
    "losses-scales",
    "codes-losses-scales",
    "edited-losses-scales",
    "size-side",
    "size-levels",
    "size-stages",
    "size-feature-width",
    "size-looks",
    "size-vector",
    "size-rank",
    "size-head-reduced",
    "size-head-channels",
    "size-head-hidden",
}
"""What is counted from 1; every other number of a recipe may be 0, and none is below."""
MOST = {"size-levels": 4, "optimisation-average": 1, "optimisation-trunk": 1}


def check_numbers(settings: Mapping[str, Any]) -> None:
    """Refuse what is too small, too large or no number.

    Args:
        settings: a recipe's by their names on the command line, as ``by_flag`` gives them.

    Raises:
        BadInputError: naming the first such setting, its value and what is allowed.
    """
    for name, value in settings.items():
        least, most = int(name in POSITIVE), MOST.get(name, inf)
        for number in value if isinstance(value, (tuple, list)) else (value,):
            if not isinstance(number, str) and not (least <= number <= most and number < inf):
                allowed = f"at least {least}" if most == inf else f"{least} to {most}"
                raise BadInputError(f"a recipe's {name} is {allowed}; got {number}")
    low, high = settings["sampling-truncation"]
    if low > high:
        raise BadInputError(
            f"a recipe's sampling-truncation is a smaller number and a larger one; got {low} {high}"
        )
