"""Which clips a command line means, and where the results of each go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.cache.analysis import Keep
from pipelines.folders import PlaceError, names_folder, require_apart
from pipelines.media.encoders import CONTAINERS
from pipelines.media.naming import WRITTEN_SUFFIXES, naming_of
from pipelines.media.sequences import is_sequence, pictures_of
from pipelines.media.videos import VIDEO_SUFFIXES, find_clips
from videoinv.errors import BadInputError

FILE_SUFFIXES = (*VIDEO_SUFFIXES, *CONTAINERS, *WRITTEN_SUFFIXES, ".json")
"""What ends with one of these is taken for the name of a file and not of a new folder."""


@dataclass(frozen=True)
class ClipJob:
    """One clip and where its results go."""

    source: Path
    output: Path
    report: Path | None = None
    sheet: Path | None = None
    keep: Keep | None = None

    @property
    def outputs(self) -> list[tuple[str, Path | None]]:
        """The files that are written, each with what the command line calls it."""
        return [("output", self.output), ("--report", self.report), ("--sheet", self.sheet)]

    @property
    def folders(self) -> list[Path]:
        """Where they lie."""
        return [path.parent for _, path in self.outputs if path is not None]


@dataclass(frozen=True)
class Destination:
    """Where results go: files for one clip, folders for several.

    Places are kept as they were written: a slash at the end asks for a folder.
    """

    output: str | Path
    report: str | Path | None = None
    sheet: str | Path | None = None
    cache: Path | None = None
    """Where the analysis is kept; ``None``: beside the output."""
    keeps: bool = True
    """Whether it is."""

    def job(self, clip: Path, *, several: bool) -> ClipJob:
        """The job of a clip; its results bear its name where they go into folders.

        Raises:
            BadInputError: if a folder is needed and a file is named, or a sheet is no picture.
        """
        # Pictures fill a folder of their own, a film is one file in it.
        film = clip.name if clip.suffix.lower() in CONTAINERS else f"{clip.name}.mp4"
        pictures = not several and is_sequence(clip)
        output = Path(self.output) if pictures else _place(self.output, film, several)
        report, sheet = (
            None if place is None else _place(place, clip.stem + suffix, several)
            for place, suffix in ((self.report, ".json"), (self.sheet, ".png"))
        )
        if sheet is not None and sheet.suffix.lower() not in WRITTEN_SUFFIXES:
            raise BadInputError(
                f"--sheet {sheet}: a sheet is a picture; allowed are {', '.join(WRITTEN_SUFFIXES)}"
            )
        return ClipJob(clip, output, report, sheet, self._keep(output, clip))

    def _keep(self, output: Path, source: Path) -> Keep | None:
        if not self.keeps:
            return None
        return Keep.beside(output, source) if self.cache is None else Keep(self.cache)


def plan(sources: Sequence[str], destination: Destination) -> list[ClipJob]:
    """The jobs of the clips that a command line means.

    One clip has its results under the names given, or in a folder, if that is what is named.
    Several, or those of a folder or a pattern, always have theirs in folders: NAME with the clip's
    own suffix (mp4 for a film of pictures), NAME.json, NAME.png.

    Raises:
        BadInputError: if a source names no clip, two clips have one name, or results of several
            are to become one file.
    """
    clips = find_clips(sources)
    several = len(clips) > 1 or clips[0] not in map(Path, sources)
    return [destination.job(clip, several=several) for clip in clips]


def require_safe(jobs: Sequence[ClipJob], inputs: Iterable[Path]) -> None:
    """Refuse jobs that would overwrite an input or a result of another.

    Args:
        jobs: all that are to be done.
        inputs: files that are read beside the clips.

    Raises:
        PlaceError: naming the first.
    """
    pictures = {job.source: pictures_of(job.source) for job in jobs}
    outputs = [output for job in jobs for output in job.outputs]
    folders = dict.fromkeys(job.keep.folder for job in jobs if job.keep is not None)
    outputs += [("--cache", folder) for folder in folders]
    clips = [path for source, some in pictures.items() for path in (source, *some)]
    require_apart(outputs, [*clips, *inputs])
    for job in jobs:
        _require_sheet_apart(job, pictures[job.source])


def _require_sheet_apart(job: ClipJob, pictures: tuple[Path, ...]) -> None:
    """Refuse a sheet whose name one of the pictures of the result could get."""
    if is_sequence(job.source) and not pictures:
        return  # which is told when it is opened
    naming = naming_of(job.output, pictures)
    if naming is None or job.sheet is None or not naming.matches(job.sheet.name):
        return
    if naming.folder.resolve() == job.sheet.parent.resolve():
        raise PlaceError(
            f"--sheet {job.sheet}: one of the pictures of the output could have that name; choose "
            "another"
        )


def _place(place: str | Path, name: str, several: bool) -> Path:
    """The file that a place means: itself, or the one of that name in it, if it is a folder."""
    path = Path(place)
    if several and path.suffix.lower() in FILE_SUFFIXES and not names_folder(place):
        raise BadInputError(
            f"{place}: results of several clips, or those of a folder or a pattern, need a folder; "
            f"for one of that name write {place}/"
        )
    return path / name if several or names_folder(place) else path
