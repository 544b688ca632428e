"""Who is who: crossings, gaps, births and deaths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from stabilization.selection import by_reference, largest
from stabilization.tracks import Detection, Tracker, interpolate_gap, intersection_over_union


def person(seed):
    vector = np.random.default_rng(seed).normal(size=128)
    return vector / np.linalg.norm(vector)


ANNA, BEN = person(1), person(2)


def look(who, seed, noise=0.06):
    """An embedding of one frame: about 0.8 like the person's other frames."""
    vector = who + noise * np.random.default_rng(seed).normal(size=128)
    return vector / np.linalg.norm(vector)


def at(x, embedding=None, y=50.0, side=40.0):
    return Detection(np.array([x, y, x + side, y + side]), embedding)


def ids(assignments):
    return [track.id for track in assignments.tracks]


def test_people_who_cross_keep_their_identities_in_any_order_of_detections():
    tracker, random = Tracker(), np.random.default_rng(0)
    for frame in range(41):
        people = [("anna", at(5.0 * frame, look(ANNA, frame)))]
        people += [("ben", at(200 - 5.0 * frame, look(BEN, 99 + frame)))]
        if frame == 20:
            people = people[:1]  # Ben is hidden
        random.shuffle(people)
        tracks = tracker.push(frame, [detection for _, detection in people]).tracks
        assert [track.last for track in tracks] == [detection for _, detection in people]
        assert [track.id for track in tracks] == [["anna", "ben"].index(n) for n, _ in people]


def test_two_who_swap_places_between_detections_are_told_by_embedding():
    tracker = Tracker()
    tracker.push(0, [at(0, look(ANNA, 1)), at(60, look(BEN, 2))])
    assert ids(tracker.push(5, [at(0, look(BEN, 3)), at(60, look(ANNA, 4))])) == [1, 0]


def test_overlap_alone_links_without_embeddings_and_despite_a_hand():
    tracker = Tracker()
    tracker.push(0, [at(0), at(100)])
    assert ids(tracker.push(1, [at(95), at(5)])) == [1, 0]
    tracker = Tracker()
    tracker.push(0, [at(0, look(ANNA, 1))])
    assert ids(tracker.push(1, [at(4, person(77))])) == [0]


def test_a_clear_face_is_linked_without_overlap_and_another_is_not():
    tracker = Tracker()
    tracker.push(0, [at(0, look(ANNA, 1))])
    assert ids(tracker.push(1, [at(90, look(ANNA, 2)), at(180, look(BEN, 3))])) == [0, 1]


def test_a_sure_link_is_not_given_up_for_two_poor_ones():
    tracker = Tracker()
    tracker.push(0, [at(0), at(28)])
    assignments = tracker.push(1, [at(28), at(-300)])
    assert ids(assignments) == [1, 2]
    assert [track.id for track in assignments.missed] == [0]


def test_a_gap_keeps_the_track():
    tracker = Tracker(max_gap=3)
    tracker.push(10, [at(0)])
    for frame in (11, 12, 13):
        assignments = tracker.push(frame, [])
        assert ids(assignments) == []
        assert [track.id for track in assignments.missed] == [0]
    again = tracker.push(14, [at(6)]).tracks[0]
    assert (again.id, again.last_frame) == (0, 14)


def test_a_track_dies_after_the_greatest_gap():
    tracker = Tracker(max_gap=2)
    tracker.push(0, [at(0)])
    assert [len(tracker.push(frame, []).missed) for frame in range(1, 6)] == [1, 1, 0, 0, 0]
    assert tracker.tracks == ()
    assert ids(tracker.push(6, [at(0)])) == [1]


def test_frames_that_were_not_looked_at_count_as_missed():
    tracker = Tracker(max_gap=4)
    tracker.push(0, [at(0)])
    assert ids(tracker.push(5, [at(3)])) == [0]
    assert ids(tracker.push(11, [at(3)])) == [1]


def test_a_cut_ends_all_tracks_even_of_the_same_person_in_the_same_place():
    tracker = Tracker()
    tracker.push(0, [at(0, look(ANNA, 1)), at(100, look(BEN, 2))])
    tracker.cut()
    assert tracker.tracks == ()
    assert ids(tracker.push(1, [at(0, look(ANNA, 3))])) == [2]


def test_a_bad_first_look_does_not_say_for_long_who_somebody_is():
    tracker = Tracker()
    tracker.push(0, [at(0, look(ANNA, 1, noise=0.5))])
    for frame in range(1, 10):
        track = tracker.push(frame, [at(0, look(ANNA, frame))]).tracks[0]
    assert track.looks == 10
    assert float(track.embedding @ ANNA) > 0.9


def test_memory_does_not_grow():
    tracker = Tracker()
    for frame in range(500):
        track = tracker.push(frame, [at(frame % 7, look(ANNA, frame))]).tracks[0]
    assert len(tracker.tracks) == 1
    assert track.summed_area == 500 * 40 * 40
    assert float(track.embedding @ ANNA) > 0.95


def test_selection_by_size_and_reference():
    tracker = Tracker()
    tracker.push(0, [at(200, look(BEN, 1), side=60), at(0, look(ANNA, 2))])
    for frame in range(1, 5):
        tracker.push(frame, [at(0, look(ANNA, frame)), at(-400, person(3), side=200)])
    anna, ben, late = tracker.tracks
    assert largest(tracker.tracks) is late
    assert largest((anna, ben)) is anna  # smaller, but longer in view
    assert by_reference(tracker.tracks, BEN) is ben
    assert by_reference(tracker.tracks, person(9)) is None
    assert largest(()) is None
    assert by_reference((), BEN) is None


vectors = st.lists(st.floats(-100, 100), min_size=4, max_size=4)


@given(before=vectors, after=vectors, count=st.integers(0, 20))
def test_a_filled_gap_lies_evenly_on_the_straight_line(before, after, count):
    filled = interpolate_gap(before, after, count)
    assert filled.shape == (count, 4)
    whole = np.vstack([before, filled, after])
    step = (np.array(after) - before) / (count + 1)
    assert_allclose(np.diff(whole, axis=0), np.tile(step, (count + 1, 1)), atol=1e-9)


def test_intersection_over_union_of_known_boxes():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    assert intersection_over_union(box, box) == 1.0
    assert intersection_over_union(box, box + 1.0) == pytest.approx(1 / 7)
    assert intersection_over_union(box, box + 2.0) == 0.0


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="x1 > x0"):
        Detection(np.array([10.0, 0.0, 5.0, 5.0]))
    with pytest.raises(ValueError, match=r"length 2\.0"):
        at(0, 2 * ANNA)
    tracker = Tracker()
    tracker.push(3, [])
    with pytest.raises(ValueError, match="frame 3 after frame 3"):
        tracker.push(3, [])
    with pytest.raises(ValueError, match="max_gap is -1"):
        Tracker(max_gap=-1)
    with pytest.raises(ValueError, match="shape"):
        interpolate_gap([1.0], [1.0, 2.0], 3)
    with pytest.raises(ValueError, match="-1 missed frames"):
        interpolate_gap([1.0], [2.0], -1)
