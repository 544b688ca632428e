"""The light encoders that come with the package, trained by this project for its default model."""

from __future__ import annotations

from pathlib import Path

from videoinv.encoders.light.files import SYSTEMS

FOLDER = Path(__file__).parent / "weights"


def shipped_encoders() -> dict[str, Path]:
    """The file of each system that has one, by the system's name."""
    files = {name: FOLDER / f"{name}.safetensors" for name in SYSTEMS}
    return {name: path for name, path in files.items() if path.exists()}
