"""TL-ID and TG-ID on embeddings whose answer is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from stabilization.identity import temporal_identity


def embeddings(count, spread=0.05, seed=0):
    random = np.random.default_rng(seed)
    rows = random.normal(size=64) + spread * 64**0.5 * random.normal(size=(count, 64))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def on_circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_a_copy_is_exactly_as_consistent_as_the_source():
    E = embeddings(30)
    result = temporal_identity(E, E)
    assert result.local == pytest.approx(1.0)
    assert result.overall == pytest.approx(1.0)


def test_three_frames_by_hand():
    source, edited = np.array([0.0, 0.1, 0.3]), np.array([0.0, 0.2, 0.3])
    result = temporal_identity(on_circle(source), on_circle(edited))
    first, second = np.cos(0.2) / np.cos(0.1), np.cos(0.1) / np.cos(0.2)
    assert result.local == pytest.approx((first + second) / 2)
    assert result.overall == pytest.approx((first + second + 1.0) / 3)


def test_blocks_of_a_long_clip_add_up_to_the_definition():
    source, edited = embeddings(513, seed=1), embeddings(513, spread=0.1, seed=2)
    R = (edited @ edited.T) / (source @ source.T)
    result = temporal_identity(source, edited)
    assert result.local == pytest.approx(np.diag(R, 1).mean())
    assert result.overall == pytest.approx(R[~np.eye(513, dtype=bool)].mean())


def test_flicker_lowers_local_and_drift_lowers_global_identity():
    steady = on_circle(np.zeros(60))
    flicker = temporal_identity(steady, on_circle(0.3 * (np.arange(60) % 2)))
    drift = temporal_identity(steady, on_circle(np.linspace(0, 1, 60)))
    assert_allclose(flicker.local, np.cos(0.3))
    assert drift.local > 0.999
    assert drift.overall < 0.95


def test_a_frozen_result_exceeds_one_so_it_cannot_pass_as_quality():
    source = embeddings(40)
    frozen = np.repeat(source[:1], 40, axis=0)
    assert temporal_identity(source, frozen).overall > 1.0


def test_bad_embeddings_are_refused():
    E = embeddings(5)
    with pytest.raises(ValueError, match="length 1"):
        temporal_identity(E, 2 * E)
    with pytest.raises(ValueError, match="as many of both"):
        temporal_identity(E, E[:4])
    with pytest.raises(ValueError, match="two frames at least"):
        temporal_identity(E[:1], E[:1])
    with pytest.raises(ValueError, match="orthogonal"):
        temporal_identity(np.eye(2), np.eye(2))
