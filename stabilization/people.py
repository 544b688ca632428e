"""Who is who beyond a shot: people are recognised when they come back, by embedding alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from stabilization.tracks import SAME_PERSON, Array, Track, blend

FIRST_LOOKS = 5
"""Looks after which a newcomer is one for good. Who comes back often enters in profile or out of
focus, so one look is not enough to tell."""


class People:
    """Gives every track a person: 0-based, in order of appearance, from left to right.

    A new track is a person who is known and not in view, if their embeddings are alike; else it is
    a new person. While a newcomer has had few looks, later ones may still tell that they are a
    known person; the newcomer's number is then nobody's. Tracks without embeddings are new people.
    Memory: one embedding for each person.

    Args:
        same_person: least cosine between embeddings of one person.
    """

    def __init__(self, same_person: float = SAME_PERSON) -> None:
        self._same_person = same_person
        self._person: dict[int, int] = {}
        self._known: dict[int, Array | None] = {}
        self._looks: dict[int, int] = {}
        self._taken_in: dict[int, int] = {}
        self._newcomers: set[int] = set()
        self._born = 0

    def update(self, tracks: Sequence[Track], frame_index: int) -> Mapping[int, Track]:
        """The people in view and their tracks.

        Args:
            tracks: all that are live, in the order of their ids.
            frame_index: of this frame. A track that is missed in it stays in view, unless a new
                one turns out to be the same person.
        """
        self._forget_all_but(tracks)
        seen = [track for track in tracks if track.last_frame == frame_index]
        in_view = {self._person[track.id] for track in seen if track.id in self._person}
        for track, person in self._recognised([t for t in seen if self._is_open(t)], in_view):
            self._settle(track, person)
        for track in seen:
            if track.id not in self._person:
                self._welcome(track)
            self._remember(track)
        return {self._person[t.id]: t for t in tracks if t.id in self._person}

    def cut(self) -> None:
        """A new shot begins: nobody is in view, until they are recognised."""
        self._forget_all_but(())

    def _forget_all_but(self, tracks: Sequence[Track]) -> None:
        live = {track.id for track in tracks}
        self._person = {track: who for track, who in self._person.items() if track in live}
        self._taken_in = {track: n for track, n in self._taken_in.items() if track in live}
        self._newcomers &= live

    def _is_open(self, track: Track) -> bool:
        """Whether it may still turn out that the track is a known person."""
        is_new = track.id not in self._person or track.id in self._newcomers
        return is_new and track.embedding is not None and track.looks <= FIRST_LOOKS

    def _recognised(
        self, tracks: Sequence[Track], in_view: Collection[int]
    ) -> list[tuple[Track, int]]:
        """The tracks that are people known and not in view, in the best assignment."""
        absent = [(who, look) for who, look in self._known.items() if who not in in_view]
        likeness = np.zeros((len(tracks), len(absent)))
        for row, track in enumerate(tracks):
            for column, (_, embedding) in enumerate(absent):
                likeness[row, column] = _cosine(track.embedding, embedding)
        likeness[likeness < self._same_person] = 0.0
        rows, columns = linear_sum_assignment(likeness, maximize=True)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(tracks[row], absent[column][0]) for row, column in pairs if likeness[row, column]]

    def _settle(self, track: Track, person: int) -> None:
        """The track is this known person, whomever it was taken for."""
        if track.id in self._person:
            self._known.pop(self._person[track.id])
        self._newcomers.discard(track.id)
        self._person = {other: who for other, who in self._person.items() if who != person}
        self._person[track.id] = person

    def _welcome(self, track: Track) -> None:
        person = self._born
        self._born += 1
        self._known[person], self._looks[person] = None, 0
        self._person[track.id] = person
        self._newcomers.add(track.id)

    def _remember(self, track: Track) -> None:
        """Let new looks at a track into what is known of the person."""
        if track.looks == self._taken_in.get(track.id, 0):
            return
        self._taken_in[track.id] = track.looks
        person = self._person[track.id]
        self._known[person] = blend(self._known[person], track.embedding, self._looks[person])
        self._looks[person] += 1


def _cosine(one: Array | None, other: Array | None) -> float:
    return 0.0 if one is None or other is None else float(one @ other)
