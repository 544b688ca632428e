"""Directions in the space of codes: what an edit adds, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from videoinv.checkpoints.cache import write_path
from videoinv.checkpoints.torchfile import read_torch
from videoinv.errors import BadInputError, CheckpointError

DEFAULT_FILE = Path(__file__).with_name("directions_ffhq.safetensors")
"""Directions of our own in the W of StyleGAN2-FFHQ, which the default generator shares."""
SUFFIXES = (".safetensors", ".pt", ".npy")
"""Of files that hold one direction."""
WIDTH = 512
_SHAPES = f"a direction is [{WIDTH}], [1, {WIDTH}], [L, {WIDTH}] or [1, L, {WIDTH}]"


@dataclass(frozen=True)
class Direction:
    """What strength 1 of an edit adds to the codes."""

    name: str
    delta: Tensor
    """[1, 512], the same for every row, or [L, 512]."""
    about: str = ""

    def rows(self, styles: int) -> Tensor:
        """The direction as [L, 512] for a generator with ``styles`` rows; see :func:`fit_rows`."""
        return fit_rows(self.delta, styles)


class Directions(Mapping[str, Direction]):
    """Directions by name; an unknown name is an error that offers the near ones."""

    def __init__(self, directions: Mapping[str, Direction] | None = None) -> None:
        self._directions = dict(directions or {})

    def __getitem__(self, name: str) -> Direction:
        try:
            return self._directions[name]
        except KeyError:
            near = get_close_matches(name, self._directions, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise BadInputError(
                f"no direction is called '{name}'; {hint}known are {self._names}, and a path to a "
                ".safetensors, .pt or .npy file of your own also works"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._directions

    def __iter__(self) -> Iterator[str]:
        return iter(self._directions)

    def __len__(self) -> int:
        return len(self._directions)

    def find(self, name_or_path: str) -> Direction:
        """The direction of that name, or the one in that file.

        Raises:
            BadInputError: if there is neither.
            CheckpointError: see :func:`load_direction`.
        """
        path = Path(name_or_path)
        if path.suffix and path.exists():
            return load_direction(path)
        if name_or_path not in self and path.suffix.lower() in SUFFIXES:
            raise BadInputError(f"there is no file {path}; directions by name are {self._names}")
        return self[name_or_path]

    @property
    def _names(self) -> str:
        return ", ".join(self._directions) or "none"


def load_directions(path: Path = DEFAULT_FILE) -> Directions:
    """All directions of a safetensors file that :func:`save_directions` wrote.

    Raises:
        CheckpointError: if there is no such file, or it holds anything but directions.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = json.loads((file.metadata() or {}).get("about", "{}"))
            return Directions(
                {
                    name: Direction(
                        name, _as_rows(file.get_tensor(name), path), about.get(name, "")
                    )
                    for name in file.keys()  # noqa: SIM118 - not a mapping
                }
            )
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} holds no directions: {error}") from error


def save_directions(path: Path, directions: Directions) -> None:
    """Write directions as safetensors, completely or not at all.

    Raises:
        OutputError: if the file cannot be written.
    """
    about = {name: direction.about for name, direction in directions.items()}
    tensors = {name: direction.delta.contiguous() for name, direction in directions.items()}
    with write_path(path, "the directions") as partial:
        save_file(tensors, partial, metadata={"about": json.dumps(about)})


def load_direction(path: Path) -> Direction:
    """A direction file as people publish them.

    ``.pt`` and ``.npy`` of shape [512], [1, 512], [L, 512] or [1, L, 512] (InterFaceGAN, e4e,
    STIT), or a safetensors file with one direction in it.

    Raises:
        CheckpointError: if the file is none of these, or holds anything but finite numbers.
    """
    if path.suffix == ".safetensors":
        found = load_directions(path)
        if len(found) != 1:
            raise CheckpointError(f"{path} holds {len(found)} directions; expected is one")
        return next(iter(found.values()))
    delta = _read_numpy(path) if path.suffix == ".npy" else read_torch(path)
    return Direction(path.stem, _as_rows(delta, path), f"from {path.name}")


def _read_numpy(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except Exception as error:  # numpy raises many kinds for a file that is not its own
        raise CheckpointError(f"{path} is no array that numpy.save wrote: {error}") from error


def _as_rows(value: object, path: Path) -> Tensor:
    """[1 or L, 512] from the shapes in use; rows that are all equal become one."""
    if not isinstance(value, Tensor):
        raise CheckpointError(f"{path} holds a {type(value).__name__} and no tensor; {_SHAPES}")
    of_one = value.ndim in (1, 2) or (value.ndim == 3 and len(value) == 1)
    if not of_one or value.shape[-1] != WIDTH or not value.numel():
        raise CheckpointError(f"{path} holds numbers of shape {list(value.shape)}; {_SHAPES}")
    rows = value.detach().reshape(-1, WIDTH).to(torch.float32, copy=True)  # the file is mapped
    if not rows.isfinite().all():
        raise CheckpointError(
            f"{path} holds numbers that are not finite (NaN or infinite in single precision): "
            "make the direction again"
        )
    if not rows.any():
        raise CheckpointError(f"{path} holds nothing but zeros, which is no direction")
    return rows[:1] if bool((rows == rows[:1]).all()) else rows


def fit_rows(delta: Tensor, styles: int) -> Tensor:
    """A direction for another number of rows: [1 or L, 512] → [styles, 512].

    A row acts at the resolution at which the generator uses it. StyleGAN2 has two rows to each
    doubling and MobileStyleGAN three, so rows are matched by depth and interpolated between.
    """
    if len(delta) in (1, styles):
        return delta.expand(styles, -1)
    depth = torch.linspace(0, len(delta) - 1, styles)
    low = depth.floor().long().clamp(max=len(delta) - 2)
    share = (depth - low)[:, None]
    return delta[low] * (1 - share) + delta[low + 1] * share
