"""What an evaluation of one clip holds, in memory and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.evaluation.exhibits import Exhibit
from pipelines.evaluation.scores import ClipScores, FrameScores
from pipelines.json_values import plain, unplain


@dataclass(frozen=True)
class Track:
    """One result of a clip: the inversion, what was pasted, what the file holds."""

    name: str
    scores: ClipScores
    frames: tuple[FrameScores, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """The scores of one clip."""

    clip: str
    """Its file's name."""
    tracks: tuple[Track, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    """What the clip was made with, as far as it is known."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By what was done."""
    attributes: Mapping[str, float] = field(default_factory=dict)
    """Mean change of each attribute that an edit is named after."""
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know, such as frames that were missing."""

    def track(self, name: str) -> Track:
        """The track of that name.

        Raises:
            KeyError: if there is none.
        """
        for track in self.tracks:
            if track.name == name:
                return track
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return dict(plain(asdict(self)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """From what ``to_json`` made and JSON kept."""
        tracks = tuple(_track(track) for track in values["tracks"])
        exhibits = tuple(Exhibit(**exhibit) for exhibit in values["exhibits"])
        return cls(
            **{**values, "tracks": tracks, "exhibits": exhibits, "notes": tuple(values["notes"])}
        )


def _track(values: Mapping[str, Any]) -> Track:
    frames = tuple(FrameScores(**unplain(frame)) for frame in values["frames"])
    return Track(values["name"], ClipScores(**unplain(values["scores"])), frames)
