"""Who comes back: people recognised beyond the end of their track."""

import numpy as np

from stabilization.people import FIRST_LOOKS, People
from stabilization.tracks import SAME_PERSON, Detection, Tracker


def person(seed):
    vector = np.random.default_rng(seed).normal(size=128)
    return vector / np.linalg.norm(vector)


ANNA, BEN, CLEO = person(1), person(2), person(3)


def like(who, cosine, seed=0):
    """A unit vector with this cosine."""
    other = np.random.default_rng(1000 + seed).normal(size=128)
    other -= (other @ who) * who
    return cosine * who + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)


def at(x, embedding=None):
    return Detection(np.array([x, 0.0, x + 40.0, 40.0]), embedding)


class Scene:
    """A tracker and the people, frame by frame."""

    def __init__(self):
        self.tracker, self.people, self.frame = Tracker(max_gap=2), People(), 0

    def show(self, *detections, cut=False):
        """Person numbers in the order of the detections."""
        if cut:
            self.tracker.cut()
            self.people.cut()
        tracks = self.tracker.push(self.frame, detections).tracks
        people = self.people.update(self.tracker.tracks, self.frame)
        who = {track.id: number for number, track in people.items()}
        self.frame += 1
        return [who[track.id] for track in tracks]


def test_people_are_numbered_from_left_to_right_and_as_they_appear():
    scene = Scene()
    assert scene.show(at(200, BEN), at(0, ANNA)) == [1, 0]
    assert scene.show(at(400, CLEO), at(0), at(200)) == [2, 0, 1]


def test_who_comes_back_keeps_the_number_after_a_cut_and_after_an_absence():
    scene = Scene()
    scene.show(at(0, ANNA), at(200, BEN))
    assert scene.show(at(90, like(BEN, 0.8)), cut=True) == [1]
    for _ in range(5):
        scene.show()
    assert scene.show(at(0, like(BEN, 0.7)), at(300, like(ANNA, 0.7))) == [1, 0]


def test_who_is_missed_here_and_found_there_is_one():
    scene = Scene()
    scene.show(at(0, ANNA), at(200, BEN))
    assert scene.show(at(0, ANNA)) == [0]
    assert scene.show(at(0, ANNA), at(500, like(BEN, 0.55))) == [0, 1]
    assert scene.show(at(0), at(200, CLEO), at(500)) == [0, 2, 1]


def test_a_stranger_is_not_recognised():
    scene = Scene()
    scene.show(at(0, ANNA))
    assert scene.show(at(0, like(ANNA, SAME_PERSON - 0.05)), cut=True) == [1]


def test_two_who_are_alike_and_seen_together_are_two():
    scene = Scene()
    twin = like(ANNA, 0.9)
    assert scene.show(at(0, ANNA), at(200, twin)) == [0, 1]
    assert scene.show(at(0, twin), at(200, ANNA), cut=True) == [1, 0]


def test_a_newcomer_in_profile_is_recognised_by_a_later_look():
    scene = Scene()
    scene.show(at(0, ANNA))
    assert scene.show(at(0, like(ANNA, 0.3)), cut=True) == [1]
    numbers = [scene.show(at(0, ANNA))[0] for _ in range(FIRST_LOOKS - 1)]
    assert numbers[-1] == 0
    assert scene.show(at(0), at(200, BEN)) == [0, 2]


def test_a_newcomer_of_long_standing_stays():
    scene = Scene()
    scene.show(at(0, ANNA))
    numbers = [scene.show(at(0, BEN), cut=index == 0)[0] for index in range(FIRST_LOOKS + 1)]
    numbers += [scene.show(at(0, ANNA))[0] for _ in range(30)]
    assert set(numbers) == {1}


def test_without_embeddings_everybody_is_new():
    scene = Scene()
    assert scene.show(at(0)) == [0]
    assert scene.show(at(0), cut=True) == [1]
