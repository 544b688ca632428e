"""Run the checks in an environment of their own: style, types, tests.

python3 tests/run.py           # style, types and the fast tests: minutes on two cores
python3 tests/run.py --slow    # the slow tests: parity at full size, whole clips
python3 tests/run.py --all     # both
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = Path(os.environ.get("VIDEOINV_TEST_ENV", ROOT / ".venv-test"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the checks in an environment of their own.")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--slow", action="store_true", help="the slow tests")
    group.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("pytest", nargs="*", help="further arguments for pytest")
    args = parser.parse_args()
    python = make_environment()
    # An older pip cannot read a source archive's metadata without running its setup.py.
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    extras = "test,plot,parity,dlib" + ("" if shutil.which("npm") else ",npm")
    run(python, "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}[{extras}]")
    run(python, "-m", "pipelines.cli", "models", "install", "default")
    if not args.slow:
        run(python, "-m", "ruff", "check", ".")
        run(python, "-m", "ruff", "format", "--check", ".")
        run(python, "-m", "mypy")
        run(python, "-m", "pytest", "-m", "not slow", "--durations=15", *args.pytest)
    if args.slow or args.all:
        run(python, "-m", "pytest", "-m", "slow", "--durations=15", *args.pytest)
    return 0


def make_environment() -> Path:
    """Create the environment unless it is there; return its Python."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = ENVIRONMENT / folder / ("python.exe" if sys.platform == "win32" else "python")
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    return python


def run(python: Path, *arguments: str) -> None:
    """Run the environment's Python and stop at its first error."""
    print("+", python.name, *arguments, flush=True)
    done = subprocess.run([python, *arguments], check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
