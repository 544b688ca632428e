"""Who is edited, and how: faces chosen by size, by number or by a picture, each with its edits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.pictures import SUFFIXES, read_picture
from stabilization.selection import by_reference, largest
from stabilization.tracks import Array, Track
from videoinv.editing.directions import Directions
from videoinv.editing.edit import Edit, parse_edit
from videoinv.errors import BadInputError
from videoinv.faces.detect import FaceDetector
from videoinv.faces.embed import FaceEmbedder

HOW = f"a face is 'largest', 'all', a number from 1 or a picture ({', '.join(SUFFIXES)})"


class FaceChoice(Protocol):
    """Which of the people in view are edited. People are numbered from 0 as they appear."""

    @property
    def name(self) -> str:
        """As the command line has it."""

    def choose(self, in_view: Mapping[int, Track], chosen: Collection[int]) -> Iterable[int]:
        """Who of the people in view is chosen now; who was chosen before stays so."""

    def missing(self, source: Path) -> str | None:
        """What to say if the clip ends and nobody was chosen; ``None``: that is no error."""


@dataclass(frozen=True)
class Largest:
    """The largest face, followed to the end of its shot; who was edited once is edited again."""

    name: str = "largest"

    def choose(self, in_view: Mapping[int, Track], chosen: Collection[int]) -> Iterable[int]:
        """The largest face when nobody is in view who was chosen before."""
        if any(person in chosen for person in in_view):
            return []
        track = largest(list(in_view.values()))
        return [person for person, other in in_view.items() if other is track]

    def missing(self, source: Path) -> None:
        """A clip without a face passes through."""


@dataclass(frozen=True)
class Everyone:
    """All faces."""

    name: str = "all"

    def choose(self, in_view: Mapping[int, Track], chosen: Collection[int]) -> Iterable[int]:
        """Everyone in view."""
        return in_view

    def missing(self, source: Path) -> None:
        """A clip without a face passes through."""


@dataclass(frozen=True)
class Numbered:
    """The person with a number, counted from 1 as people appear, from left to right."""

    number: int

    @property
    def name(self) -> str:
        """The number."""
        return str(self.number)

    def choose(self, in_view: Mapping[int, Track], chosen: Collection[int]) -> Iterable[int]:
        """This person."""
        return [self.number - 1] if self.number - 1 in in_view else []

    def missing(self, source: Path) -> str:
        """There are not so many people."""
        return (
            f"there is no face {self.number} in {source}: people are counted from 1 as they "
            "appear, from left to right; with --face all the report lists them"
        )


@dataclass(frozen=True, eq=False)
class Resembling:
    """Who looks like a picture."""

    name: str
    embedding: Array
    """Of the face in the picture, a unit vector."""

    def choose(self, in_view: Mapping[int, Track], chosen: Collection[int]) -> Iterable[int]:
        """The person most like the picture, if they are alike and nobody in view was before."""
        if any(person in chosen for person in in_view):
            return []
        track = by_reference(list(in_view.values()), self.embedding)
        return [person for person, other in in_view.items() if other is track]

    def missing(self, source: Path) -> str:
        """Nobody is alike."""
        return (
            f"nobody in {source} looks like the face in {self.name}: take another picture, "
            "frontal and sharp, or a number; with --face all the report lists the people"
        )


@dataclass(frozen=True)
class FaceEdits:
    """What is done to whom."""

    edits: Sequence[Edit]
    """None gives the inversion alone."""
    face: FaceChoice = Largest()

    @property
    def texts(self) -> list[str]:
        """The edits as the command line has them."""
        return self._texts(self.face.name)

    @property
    def public_texts(self) -> list[str]:
        """The same for whoever sees the film, whom names of files do not concern."""
        return self._texts("a picture" if isinstance(self.face, Resembling) else self.face.name)

    def _texts(self, name: str) -> list[str]:
        who = "" if self.face == Largest() else f"{name}:"
        return [f"{who}{edit}" for edit in self.edits]


class Cast:
    """Who has been chosen in one clip so far.

    Args:
        faces: the choices; what they stand for, their places in this order, are the *roles*.
    """

    def __init__(self, faces: Sequence[FaceChoice]) -> None:
        self._faces = faces
        self._chosen: list[set[int]] = [set() for _ in faces]

    def look(self, in_view: Mapping[int, Track]) -> dict[int, tuple[int, ...]]:
        """The roles of everybody in view who has one, by person."""
        for face, chosen in zip(self._faces, self._chosen, strict=True):
            chosen.update(face.choose(in_view, chosen))
        roles = {person: self._roles(person) for person in in_view}
        return {person: some for person, some in roles.items() if some}

    def _roles(self, person: int) -> tuple[int, ...]:
        return tuple(role for role, chosen in enumerate(self._chosen) if person in chosen)


def split_edit(text: str) -> tuple[str | None, str]:
    """'WHO:NAME=STRENGTH' → WHO and the rest; ``None`` where nobody is named.

    A path such as C:/smile.safetensors is no person.
    """
    before, equals, strength = text.partition("=")
    who, colon, name = before.rpartition(":")
    if not colon or name.startswith(("/", "\\")):
        return None, text
    return who, name + equals + strength


def parse_casting(
    face: str | None, texts: Sequence[str], directions: Directions
) -> list[FaceEdits]:
    """Read ``--face`` and all ``--edit`` of a command line.

    Edits that name nobody are for ``face``, the largest if ``None``. If every edit names somebody,
    nobody else is touched, unless ``face`` is given.

    Raises:
        BadInputError: if an edit or a face cannot be read, a direction is unknown, or a picture
            shows no face.
    """
    edits: dict[str, list[Edit]] = {} if face is None else {face: []}
    for text in texts:
        who, what = split_edit(text)
        name = face or Largest.name if who is None else who
        edits.setdefault(name, []).append(parse_edit(what, directions))
    edits = edits or {Largest.name: []}
    return [FaceEdits(tuple(some), parse_face(name)) for name, some in edits.items()]


def parse_face(text: str) -> FaceChoice:
    """Read a face as the command line names it.

    Raises:
        BadInputError: if it is none of the four, or its picture cannot be read or shows no face.
    """
    for choice in (Largest(), Everyone()):
        if text == choice.name:
            return choice
    if text.lstrip("-").isdigit():
        if int(text) < 1:
            raise BadInputError(f"face {text}: faces are counted from 1")
        return Numbered(int(text))
    path = Path(text).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"face '{text}' cannot be read: {HOW}")
    return Resembling(text, _embedding(path))


def _embedding(path: Path) -> Array:
    """Of the largest face in a picture."""
    image = read_picture(path)
    faces = FaceDetector().detect(image)
    if not faces:
        raise BadInputError(f"{path} shows no face that can be found: take another picture")
    embedding: Array = FaceEmbedder().embed([image], faces[:1])[0].numpy()
    return embedding
