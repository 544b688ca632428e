"""Hands before a face, on real frames of the clip in which one comes, stays and goes."""

import numpy as np
import pytest

from videoinv.faces.align import quad_from_mesh
from videoinv.faces.hands import HandNetworks, HandTracker, region_of_hand, search_region
from videoinv.faces.types import Alignment

BEFORE, FIST, BESIDE_MOUTH = 40, 66, 200


@pytest.fixture(scope="module")
def networks():
    return HandNetworks()


@pytest.fixture(scope="module")
def quads(covered, detector, mesh_fitter):
    return {
        index: Alignment(quad_from_mesh(mesh_fitter.fit(image, detector.detect(image)[0])), 256)
        for index, image in covered.items()
    }


def test_there_is_no_hand_before_a_hand_comes(networks, covered, quads):
    assert HandTracker(networks).push(covered[BEFORE], quads[BEFORE]) == []


@pytest.mark.parametrize("index", [FIST, BESIDE_MOUTH])
def test_one_hand_is_found_where_it_is(networks, covered, quads, index):
    """It comes from below on the left, and the longest fingers end on the face."""
    hands = HandTracker(networks).push(covered[index], quads[index])
    assert len(hands) == 1
    wrist, tips = hands[0].points[0], hands[0].points[[8, 12, 16, 20]]
    middle = quads[index].center
    assert wrist[1] > middle[1] and wrist[0] < middle[0]
    assert np.abs(tips - middle).max(axis=1).min() < 0.35 * quads[index].scale


def test_a_known_hand_is_followed_without_its_palm(networks, covered, quads):
    palms = _Once(networks.palms)
    tracker = HandTracker(HandNetworks(palms, networks.landmarks))
    first = tracker.push(covered[FIST], quads[FIST])[0]
    second = tracker.push(covered[FIST + 1], quads[FIST + 1])[0]
    assert np.abs(second.points - first.points).max() < 0.2 * first.extent


def test_the_hand_is_the_same_wherever_the_frame_is_cut(networks, covered, quads):
    image, quad = covered[BESIDE_MOUTH], quads[BESIDE_MOUTH]
    shift = np.array([37.0, 0.0])
    moved = Alignment(quad.quad - shift, 256)
    hand = HandTracker(networks).push(image, quad)[0]
    cut = HandTracker(networks).push(np.ascontiguousarray(image[:, 37:]), moved)[0]
    assert np.abs(cut.points + shift - hand.points).max() < 0.03 * hand.extent


def test_the_next_look_is_centred_on_the_hand_with_its_fingers_up(networks, covered, quads):
    hand = HandTracker(networks).push(covered[BESIDE_MOUTH], quads[BESIDE_MOUTH])[0]
    region = region_of_hand(hand)
    low, high = region.quad.min(axis=0), region.quad.max(axis=0)
    assert (hand.points > low).all() and (hand.points < high).all()
    up = -np.array([-np.sin(region.rotation), np.cos(region.rotation)])
    assert up @ (hand.points[9] - hand.points[0]) > 0


def test_the_search_reaches_below_the_chin(quads):
    quad = quads[BEFORE]
    region = search_region(quad, 0.2)
    assert region.quad[1, 1] > quad.quad[:, 1].max()


class _Once:
    """Sees palms in one frame only."""

    def __init__(self, palms):
        self._palms = palms

    def detect(self, image, region):
        palms, self._palms = self._palms, None
        return palms.detect(image, region) if palms is not None else []
