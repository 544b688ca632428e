"""Make an environment, install, fetch the default model, and edit a real clip.

    python3 examples/quickstart.py

Needs Python 3.11 or later and a package index; about a quarter of an hour on two cores without a
GPU, most of it for installing torch. Everything lands in ``.venv`` and ``out`` beside this folder
and in the user's cache.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
OUT = ROOT / "out"
FIND_CLIP = "from videoinv.checkpoints.fetch import fetch; print(fetch('clip-webcam-smile'))"


def main() -> int:
    python = make_environment()
    # An older pip cannot read a source archive's metadata without running its setup.py.
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    extra = "" if shutil.which("npm") else "[npm]"
    run(python, "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}{extra}")
    run(python, "-m", "pipelines.cli", "models", "install", "default")
    clip = run(python, "-c", FIND_CLIP, capture=True).strip().splitlines()[-1]
    OUT.mkdir(exist_ok=True)
    video, sheet, report = (OUT / f"smile.{suffix}" for suffix in ("mp4", "png", "json"))
    edit = ["edit", clip, "-o", str(video), "--edit", "smile=2"]
    run(python, "-m", "pipelines.cli", *edit, "--sheet", str(sheet), "--report", str(report))
    print(f"\nThe edited video:     {video}")
    print(f"Source beside result: {sheet}")
    print(f"What was measured:    {report}")
    return 0


def make_environment() -> Path:
    """Create ``.venv`` unless it is there; return its Python."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = ENVIRONMENT / folder / ("python.exe" if sys.platform == "win32" else "python")
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    return python


def run(python: Path, *arguments: str, capture: bool = False) -> str:
    """Run the environment's Python, show the command, and stop at its first error."""
    print("+", python.name, *arguments, flush=True)
    kept = subprocess.PIPE if capture else None
    done = subprocess.run([python, *arguments], stdout=kept, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
