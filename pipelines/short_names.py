"""Names of encoders, some of which are files, for tables and graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Each name's stem, or all of it where another one has the same stem."""
    stems = {name: Path(name).stem for name in names}
    count = Counter(stems.values())
    return {name: stem if count[stem] == 1 else name for name, stem in stems.items()}
