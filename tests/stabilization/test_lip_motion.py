"""An edit may say how open a mouth is, and not how it moves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabilization.lip_motion import GAIN, LIMIT, LipMotion

RATE = 30.0
TIMES = np.arange(240) / RATE
SPEECH = 0.12 + 0.08 * np.sin(2 * np.pi * 3 * TIMES) * np.sin(2 * np.pi * 0.4 * TIMES)
"""Syllables at 3 Hz, louder and softer."""
openings = st.floats(0, 0.7)


def followed(source, edited, gain=GAIN):
    """The lips as they come out, if a strength of 1 parts them by ``gain``."""
    motion, result = LipMotion(), []
    for time, wanted, before in zip(TIMES, source, edited, strict=False):
        strength = motion.strength(wanted, before, time)
        after = before + gain * strength
        motion.learn(strength, before, after)
        result.append(after)
    return np.array(result), motion


def slope(source, result):
    return np.polyfit(source, result, 1)[0]


def test_an_edit_that_opens_a_mouth_by_as_much_in_every_frame_is_left_alone():
    result, _ = followed(SPEECH, SPEECH + 0.15)
    assert result == pytest.approx(SPEECH + 0.15)


def test_a_mouth_that_the_edit_holds_open_moves_again():
    held = 0.25 + 0.3 * (SPEECH - 0.12)
    result, _ = followed(SPEECH, held)
    assert slope(SPEECH, held) == pytest.approx(0.3)
    assert slope(SPEECH, result) > 0.5
    assert np.corrcoef(SPEECH, result)[0, 1] > 0.9


@pytest.mark.parametrize("gain", [0.05, 0.2])
def test_how_far_a_strength_reaches_is_learnt(gain):
    held = np.full_like(SPEECH, 0.12)
    result, motion = followed(SPEECH, held, gain)
    assert abs(motion.gain - gain) < abs(GAIN - gain) / 2
    assert 0.5 < slope(SPEECH[120:], result[120:]) < 1.1


def test_a_direction_that_opens_no_mouth_is_given_up():
    held = np.full_like(SPEECH, 0.25)
    for gain in (0.0, -0.1):
        motion, strengths = LipMotion(), []
        for time, wanted, before in zip(TIMES, SPEECH, held, strict=True):
            strengths.append(motion.strength(wanted, before, time))
            motion.learn(strengths[-1], before, before + gain * strengths[-1])
        assert any(strengths[:90]) and not any(strengths[-90:])


def test_the_meshs_tremble_is_not_followed():
    noise = np.random.default_rng(1).normal(0, 0.005, (2, len(TIMES)))
    still = 0.2 + noise[0]
    result, _ = followed(0.05 + noise[1], still)
    assert result.std() < 1.2 * still.std()


def test_a_smile_that_comes_up_slowly_stays():
    smile = np.clip(TIMES / 4, 0, 1) * 0.2
    result, _ = followed(np.full_like(TIMES, 0.05), 0.05 + smile)
    assert result[-1] == pytest.approx(0.25, abs=0.01)


def test_a_frame_without_a_mesh_is_passed_over():
    held = 0.25 + 0.3 * (SPEECH - 0.12)
    gaps = np.where(np.arange(len(TIMES)) % 7 == 3, math.nan, held)
    motion = LipMotion()
    strengths = [motion.strength(s, e, t) for s, e, t in zip(SPEECH, gaps, TIMES, strict=True)]
    assert all(each == 0 for each, lips in zip(strengths, gaps, strict=True) if math.isnan(lips))
    assert min(strengths) < -0.3
    motion.learn(1.0, math.nan, 0.3)
    assert motion.gain == GAIN


def test_a_mouth_that_opens_by_itself_is_not_torn_open():
    """The edit had opened it before; then the source smiles, too."""
    source = np.where(TIMES < 2, 0.02, 0.24)
    edited = np.where(TIMES < 2, 0.16, 0.25)
    result, _ = followed(source, edited)
    assert result.max() == 0.25


@given(st.lists(st.tuples(openings, openings), min_size=1, max_size=30))
def test_lips_come_to_lie_between_the_edits_and_the_sources(frames):
    motion = LipMotion()
    for at, (source, edited) in enumerate(frames):
        after = edited + GAIN * motion.strength(source, edited, at / RATE)
        assert min(source, edited) - 1e-9 <= after <= max(source, edited) + 1e-9


@given(st.lists(st.tuples(openings, openings, openings), min_size=1, max_size=30))
def test_strengths_and_gains_stay_in_their_limits(frames):
    motion = LipMotion()
    for at, (source, edited, after) in enumerate(frames):
        strength = motion.strength(source, edited, at / RATE)
        motion.learn(strength, edited, after)
        assert abs(strength) <= LIMIT
        assert 0.04 <= motion.gain <= 0.4
    assert motion.strength(0.1, 0.1, 0.0) <= LIMIT  # a time that steps back is survived
