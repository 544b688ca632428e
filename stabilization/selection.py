"""Which track is edited: the largest, or the one who looks like a photo."""

from __future__ import annotations

from collections.abc import Sequence

from stabilization.tracks import SAME_PERSON, Array, Track


def largest(tracks: Sequence[Track]) -> Track | None:
    """The track with the greatest summed area so far: large and long in view.

    After the first frame of a shot this is the largest face in it. ``None`` if there are no tracks.
    """
    return max(tracks, key=lambda track: track.summed_area, default=None)


def by_reference(
    tracks: Sequence[Track], embedding: Array, min_similarity: float = SAME_PERSON
) -> Track | None:
    """The track whose embedding is most like a reference's, a unit vector [D].

    Args:
        tracks: those without an embedding are passed over.
        embedding: of the reference, by the same recogniser.
        min_similarity: least cosine.

    Returns:
        ``None`` if nobody is similar enough.
    """

    def similarity(track: Track) -> float:
        return -1.0 if track.embedding is None else float(track.embedding @ embedding)

    best = max(tracks, key=similarity, default=None)
    return best if best is not None and similarity(best) >= min_similarity else None
