"""Matplotlib, which graphs need and nothing else: the extra ``plot``."""

from __future__ import annotations

from videoinv.errors import MissingExtraError


def require_matplotlib() -> None:
    """Find out before the work and not after it.

    Raises:
        MissingExtraError: if Matplotlib is not installed.
    """
    try:
        import matplotlib as _  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "--graph") from error
