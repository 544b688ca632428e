"""Which track is edited: the largest, the n-th from the left, or the one who looks like a photo."""

from __future__ import annotations

from collections.abc import Sequence

from stabilization.tracks import Array, Track, centre_x


def largest(tracks: Sequence[Track]) -> Track | None:
    """The track with the greatest summed area so far: large and long in view.

    After the first frame of a shot this is the largest face in it. ``None`` if there are no tracks.
    """
    return max(tracks, key=lambda track: track.summed_area, default=None)


def by_index(tracks: Sequence[Track], index: int) -> Track | None:
    """The track at a 0-based place: from left to right at first appearance, late-comers after.

    ``None`` if there are not so many.

    Raises:
        ValueError: if the index is negative.
    """
    if index < 0:
        raise ValueError(f"index is {index}; faces are counted from 0, from the left")
    ordered = sorted(tracks, key=lambda track: (track.first_frame, centre_x(track.first)))
    return ordered[index] if index < len(ordered) else None


def by_reference(
    tracks: Sequence[Track], embedding: Array, min_similarity: float = 0.36
) -> Track | None:
    """The track whose embedding is most like a reference's, a unit vector [D].

    Args:
        tracks: those without an embedding are passed over.
        embedding: of the reference, by the same recogniser.
        min_similarity: least cosine; 0.36 is what OpenCV documents for SFace.

    Returns:
        ``None`` if nobody is similar enough.
    """

    def similarity(track: Track) -> float:
        return -1.0 if track.embedding is None else float(track.embedding @ embedding)

    best = max(tracks, key=similarity, default=None)
    return best if best is not None and similarity(best) >= min_similarity else None
