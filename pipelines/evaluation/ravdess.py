"""RAVDESS as people download it: which of its files are scored.

Livingstone & Russo 2018, The Ryerson Audio-Visual Database of Emotional Speech and Song;
CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from videoinv.errors import BadInputError

SUFFIX = ".mp4"
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
ACTORS = tuple(f"{actor:02}" for actor in range(1, 25))
EMOTIONS = {"01": "neutral", "03": "happy", "05": "angry", "06": "fearful", "08": "surprised"}
"""Of the deterministic selection; calm, sad and disgust are left out."""
VIDEO_ONLY = "02"
SPEECH = "01"


@dataclass(frozen=True, order=True)
class Code:
    """What a file's name says, two digits each."""

    modality: str
    """01 audio and video, 02 video only, 03 audio only."""
    channel: str
    """01 speech, 02 song."""
    emotion: str
    intensity: str
    """01 normal, 02 strong."""
    statement: str
    repetition: str
    actor: str
    """01 to 24; odd is male, even is female."""

    @classmethod
    def of(cls, path: Path) -> Code | None:
        """From a file's name; ``None`` if it is no name of RAVDESS."""
        match = _NAME.fullmatch(path.stem)
        return cls(*match.groups()) if match else None

    def __str__(self) -> str:
        return "-".join(astuple(self))


@dataclass(frozen=True)
class Selection:
    """The files to score."""

    files: tuple[Path, ...]
    """In the order of their codes."""
    missing: tuple[str, ...] = ()
    """Codes that the selection asks for and the folder lacks."""


def find_files(folder: Path) -> dict[Code, Path]:
    """Every video of RAVDESS below a folder, by its code, in the order of the codes.

    A trial that is there twice, as when archives overlap, counts once.

    Raises:
        BadInputError: if the folder is not there or holds none.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; give the one that holds Actor_01 …")
    paths = sorted(path for path in folder.rglob(f"*{SUFFIX}") if path.is_file())
    found: dict[Code, Path] = {}
    for path in paths:
        code = Code.of(path)
        if code is not None:
            found.setdefault(code, path)
    if not found:
        raise BadInputError(
            f"{folder} holds no file named as in RAVDESS, such as 02-01-03-01-01-01-05.mp4"
        )
    return dict(sorted(found.items()))


def deterministic_120() -> list[Code]:
    """24 actors × five emotions: normal intensity, first statement, first repetition, video only.

    The Feature-Style paper scores 120 videos that it drew at random and does not list; this is a
    selection that anyone can repeat.
    """
    return [
        Code(VIDEO_ONLY, SPEECH, emotion, "01", "01", "01", actor)
        for actor in ACTORS
        for emotion in EMOTIONS
    ]


def choose(
    found: dict[Code, Path],
    *,
    modality: str = VIDEO_ONLY,
    sample: int | None = None,
    seed: int = 0,
) -> Selection:
    """The deterministic 120, or a sample of all speech.

    Every trial is there with sound and without; one modality is taken, so that none counts twice.

    Args:
        found: of ``find_files``.
        modality: 02 video only, 01 with sound.
        sample: how many to draw; ``None``: the deterministic 120.
        seed: of the draw, which depends on the codes alone and not on places or order of files.

    Raises:
        BadInputError: if fewer files are there than are to be drawn, or none of the selection.
    """
    if sample is None:
        wanted = [_with_modality(code, modality) for code in deterministic_120()]
        return _selection(found, wanted)
    pool = [code for code in found if (code.modality, code.channel) == (modality, SPEECH)]
    if not 1 <= sample <= len(pool):
        raise BadInputError(
            f"a sample of {sample} from {len(pool)} speech files of modality {modality}; "
            "draw at least 1 and not more than there are"
        )
    return _selection(found, sorted(random.Random(seed).sample(pool, sample)))


def _with_modality(code: Code, modality: str) -> Code:
    return Code(modality, *astuple(code)[1:])


def _selection(found: dict[Code, Path], wanted: Sequence[Code]) -> Selection:
    files = tuple(found[code] for code in wanted if code in found)
    if not files:
        raise BadInputError(
            f"none of the {len(wanted)} chosen files is there, such as {wanted[0]}{SUFFIX}; "
            f"there are files of modality {_listed(code.modality for code in found)}"
        )
    return Selection(files, tuple(str(code) for code in wanted if code not in found))


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
