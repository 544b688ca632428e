"""Which clips a command line means, and where the results of each go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.cache.analysis import Keep
from pipelines.media.sequences import is_sequence
from pipelines.media.videos import VIDEO_SUFFIXES, is_video
from videoinv.errors import BadInputError, OutputError


@dataclass(frozen=True)
class ClipJob:
    """One clip and where its results go."""

    source: Path
    output: Path
    report: Path | None = None
    sheet: Path | None = None
    keep: Keep | None = None


@dataclass(frozen=True)
class Destination:
    """Where results go: files for one clip, folders for several."""

    output: Path
    report: Path | None = None
    sheet: Path | None = None
    cache: Path | None = None
    """Where the analysis is kept; ``None``: beside the output."""
    keeps: bool = True
    """Whether it is."""

    def files_of(self, clip: Path) -> ClipJob:
        """The job of the only clip.

        Raises:
            OutputError: if a folder is missing, which shall be told before an hour's work, not
                after it.
        """
        for path in (self.output, self.report, self.sheet):
            if path is not None and not path.parent.is_dir():
                raise OutputError(f"{path} cannot be written: there is no folder {path.parent}")
        return ClipJob(clip, self.output, self.report, self.sheet, self._keep(self.output, clip))

    def folders_of(self, clip: Path) -> ClipJob:
        """The job of one of several clips: its results bear its name."""
        name = clip.name if clip.suffix.lower() in VIDEO_SUFFIXES else f"{clip.name}.mp4"
        output = self.output / name
        report = self.report and self.report / f"{clip.stem}.json"
        sheet = self.sheet and self.sheet / f"{clip.stem}.png"
        return ClipJob(clip, output, report, sheet, self._keep(output, clip))

    def make_folders(self) -> None:
        """Make the folders for several clips.

        Raises:
            OutputError: if one cannot be made.
        """
        for folder in (self.output, self.report, self.sheet):
            try:
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"folder {folder} cannot be made: {error.strerror}") from error

    def _keep(self, output: Path, source: Path) -> Keep | None:
        if not self.keeps:
            return None
        return Keep.beside(output, source) if self.cache is None else Keep(self.cache)


def plan(sources: Sequence[str], destination: Destination) -> list[ClipJob]:
    """The jobs of the clips that a command line means.

    One clip has its results under the names given. Several, or those of a folder or a pattern,
    have theirs in folders of these names, made if absent: NAME with the clip's own suffix (mp4 for
    a film of pictures), NAME.json, NAME.png.

    Raises:
        BadInputError: if a source names no clip, or two clips have one name.
        OutputError: if a folder is not there, or cannot be made.
    """
    clips = find_clips(sources)
    if clips == [Path(source) for source in sources[:1]]:
        return [destination.files_of(clips[0])]
    destination.make_folders()
    return [destination.folders_of(clip) for clip in clips]


def find_clips(sources: Sequence[str]) -> list[Path]:
    """The clips that files, folders and patterns name, each once, in the order given.

    A folder of pictures, or a pattern of their names, is one clip.

    Raises:
        BadInputError: if a folder or a pattern names none, or two clips have one name.
    """
    clips = list(dict.fromkeys(clip for source in sources for clip in _clips_of(Path(source))))
    by_stem: dict[str, Path] = {}
    for clip in clips:
        twin = by_stem.setdefault(clip.stem, clip)
        if twin is not clip:
            raise BadInputError(f"{twin} and {clip} would have results of one name: rename one")
    return clips


def _clips_of(source: Path) -> list[Path]:
    if source.is_dir():
        videos = sorted(path for path in source.iterdir() if is_video(path))
        if videos or is_sequence(source):
            return videos or [source]
        raise BadInputError(
            f"{source} holds no video ({', '.join(VIDEO_SUFFIXES)}) and no pictures"
        )
    # A file of that very name comes first: names may hold brackets.
    if source.exists() or is_sequence(source) or not any(sign in source.name for sign in "*?["):
        return [source]
    found = sorted(path for path in source.parent.glob(source.name) if is_video(path))
    if not found:
        raise BadInputError(f"{source} names no video ({', '.join(VIDEO_SUFFIXES)})")
    return found
