"""Cuts are found where they are; flashes, exposure, motion and noise are none."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from stabilization.cuts import CutDetector

SIZE = (36, 64)


def scene(seed, size=SIZE):
    """A picture of soft coloured shapes, as different from another seed's as two rooms."""
    random = np.random.default_rng(seed)
    shapes = gaussian_filter(random.normal(size=(*size, 3)), (5, 5, 0))
    shapes = shapes / shapes.std(axis=(0, 1)) * random.uniform(25, 45)
    return shapes + random.uniform(60, 170, size=3)


def film(frame, seed=0):
    """The scene as a camera gives it: with noise, clipped, 8 bits."""
    noise = np.random.default_rng(seed).normal(scale=2.0, size=frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def found(frames, **settings):
    detector = CutDetector(**settings)
    return [i for i, frame in enumerate(frames) if detector.push(film(frame, seed=i))]


@pytest.mark.parametrize("seed", range(8))
def test_hard_cuts_are_found_at_their_frame(seed):
    scenes = [scene(10 * seed + k) for k in range(4)]
    frames = [scenes[0]] * 20 + [scenes[1]] * 9 + [scenes[2]] * 30 + [scenes[3]] * 6
    assert found(frames) == [20, 29, 59]


def test_a_cut_is_found_after_motion_too():
    pan = [np.roll(scene(1), 2 * i, axis=1) for i in range(15)]
    assert found(pan + [scene(2)] * 10) == [15]


@pytest.mark.parametrize("gain", [1.8, 3.0, 0.15])
def test_a_flash_or_a_dip_is_no_cut(gain):
    frames = [scene(3)] * 12 + [scene(3) * gain] * 2 + [scene(3)] * 12
    assert found(frames) == []


@pytest.mark.parametrize("level", [0.0, 255.0])
def test_a_blank_inside_a_shot_is_no_cut_and_one_between_shots_is_one(level):
    blank = [np.full((*SIZE, 3), level)] * 3
    assert found([scene(4)] * 10 + blank + [scene(4)] * 10) == []
    assert found([scene(4)] * 10 + blank + [scene(5)] * 10) == [13]


def test_a_fade_of_exposure_is_no_cut():
    gains = np.concatenate([np.linspace(1, 0, 10), np.linspace(0, 1.6, 10)])
    assert found([scene(6) * gain for gain in gains]) == []


@pytest.mark.parametrize("speed", [3, 8, 16])
def test_fast_motion_is_no_cut(speed):
    world = scene(7)
    frames = [world] * 10 + [np.roll(world, speed * i, axis=1) for i in range(20)]
    assert found(frames) == []


@pytest.mark.parametrize("seed", [0, 100, 300])
def test_a_whip_through_many_places_is_no_row_of_cuts(seed):
    places = [scene(seed + k) for k in range(9)]
    frames = [places[0]] * 3
    for here, there in pairwise(places):
        frames += [(here + there) / 2, there]
    assert found(frames, prominence=0) != []
    assert found(frames) == []


def test_somebody_walking_through_is_no_cut():
    frames = []
    for x in range(-20, 70, 6):
        mask = np.zeros(SIZE)
        mask[8:, 22:40] = 1.0
        mask = shift(mask, (0, x - 22), order=0)[..., None]
        frames.append(scene(8) * (1 - mask) + np.array([40.0, 50.0, 120.0]) * mask)
    assert found(frames) == []


def test_a_shot_has_a_least_length():
    frames = [scene(1)] * 10 + [scene(2)] * 3 + [scene(9)] * 10
    assert found(frames, min_length=3) == [10, 13]
    assert found(frames, min_length=5) == [10]


def test_wrong_thumbnails_and_settings_are_refused():
    detector = CutDetector()
    with pytest.raises(ValueError, match="float64"):
        detector.push(np.zeros((36, 64, 3)))
    with pytest.raises(ValueError, match=r"\(36, 64\)"):
        detector.push(np.zeros((36, 64), np.uint8))
    detector.push(film(scene(0)))
    with pytest.raises(ValueError, match="changed their size"):
        detector.push(film(scene(0, size=(12, 12))))
    with pytest.raises(ValueError, match="threshold is 0"):
        CutDetector(threshold=0)
    with pytest.raises(ValueError, match="min_length"):
        CutDetector(min_length=0)
