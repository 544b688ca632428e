"""Jitter, lag, amplitude and breathing where the answer is known; smoothing must not win."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from stabilization.measures import SteadinessMeter, breathing, lpips_difference
from stabilization.one_euro import OneEuro

EYES = 60.0
FPS = 30.0


def face(frames=600, points=5, seed=0):
    """Landmarks of somebody speaking: slow turns of the head and motion up to about 4 Hz."""
    random = np.random.default_rng(seed)
    slow = gaussian_filter1d(random.normal(size=(frames, 1, 2)), 15, axis=0) * 40
    quick = gaussian_filter1d(random.normal(size=(frames, points, 2)), 2, axis=0) * 4
    return slow + quick + random.uniform(0, 200, size=(points, 2))


def measure(source, result, max_lag=10):
    meter = SteadinessMeter(max_lag)
    for frame, other in zip(source, result, strict=True):
        meter.push(frame, other, EYES)
    return meter.result()


def test_a_still_clip_has_no_jitter_and_no_lag_to_speak_of():
    still = np.broadcast_to(face(1), (50, 5, 2))
    result = measure(still, still)
    assert (result.jitter, result.excess_jitter) == (0.0, 0.0)
    assert (result.lag, result.amplitude) == (None, None)


def test_a_translation_at_constant_speed_has_no_jitter():
    moving = face(1) + np.arange(50)[:, None, None] * np.array([1.5, -0.5])
    result = measure(moving, moving)
    assert result.jitter == pytest.approx(0.0, abs=1e-12)
    assert result.amplitude == pytest.approx(1.0)


def test_a_copy_has_no_excess_no_lag_and_all_the_motion():
    result = measure(face(), face())
    assert (result.excess_jitter, result.amplitude) == (0.0, pytest.approx(1.0))
    assert result.lag == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 0.7])
def test_white_noise_gives_root_six_sigma(sigma):
    still = np.broadcast_to(face(1), (4000, 5, 2))
    noisy = still + np.random.default_rng(3).normal(scale=sigma, size=still.shape)
    result = measure(still, noisy)
    assert result.excess_jitter == pytest.approx(math.sqrt(6) * sigma / EYES, rel=0.02)


def test_noise_of_the_result_hides_neither_lag_nor_motion():
    source = face()
    noisy = source + np.random.default_rng(4).normal(scale=0.3, size=source.shape)
    result = measure(source, noisy)
    assert result.excess_jitter > 0
    assert result.lag == pytest.approx(0.0, abs=0.05)
    assert result.amplitude == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("delay", [-3, 1, 2, 7])
def test_a_delayed_copy_lags_by_its_delay(delay):
    whole = face(640)
    result = measure(whole[20:620], whole[20 - delay : 620 - delay])
    assert result.lag == pytest.approx(delay, abs=0.02)
    assert result.amplitude == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("delay", [0.25, 0.5, 1.6])
def test_a_fraction_of_a_frame_is_found(delay):
    times = np.arange(600)[:, None, None] / FPS
    speeds = 2 * math.pi * np.random.default_rng(5).uniform(0.2, 3.0, size=(12, 5, 2))

    def motion(t):
        return np.sin(speeds[:, None] * t + np.arange(12)[:, None, None, None]).sum(axis=0)

    result = measure(motion(times), motion(times - delay / FPS))
    assert result.lag == pytest.approx(delay, abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_lag_of_a_short_clip_is_not_an_accident_of_few_pairs(seed):
    random = np.random.default_rng(seed)
    source = random.normal(size=(12, 1, 2)).cumsum(axis=0)
    result = measure(source, source + 0.7 * random.normal(size=source.shape))
    assert result.lag == pytest.approx(0.0, abs=0.5)


def test_an_over_smoothed_copy_wins_jitter_and_loses_the_motion():
    source = face()
    modest, heavy = (measure(source, gaussian_filter1d(source, s, axis=0)) for s in (0.7, 6.0))
    assert heavy.jitter < modest.jitter
    assert heavy.lag == pytest.approx(0.0, abs=0.1)
    assert modest.amplitude > 0.9
    assert heavy.amplitude < 0.6


def test_causal_smoothing_shows_as_lag():
    source = face()
    one_euro = OneEuro(min_cutoff=1.0)
    live = [one_euro.push(points, index / FPS)[0] for index, points in enumerate(source)]
    result = measure(source, live)
    assert result.excess_jitter < 0
    assert result.lag > 1.0


def test_motion_across_a_cut_does_not_count():
    source, meter = face(60), SteadinessMeter()
    still = np.repeat(source[:1], 30, axis=0)
    for offset in (0.0, 500.0):
        for frame in still:
            meter.push(frame + offset, frame + offset, EYES)
        meter.cut()
    assert meter.result().jitter == 0.0


def test_jitter_is_measured_in_eye_distances():
    source, near, far = face(100), SteadinessMeter(), SteadinessMeter()
    for frame in source:
        near.push(frame * 4, frame * 4, EYES * 4)
        far.push(frame, frame, EYES)
    assert near.result().jitter == pytest.approx(far.result().jitter)


def crops(x=0.0, y=0.0, size=200.0, frames=3000):
    return np.stack(np.broadcast_arrays(x, y, size, np.zeros(frames))[:3], axis=1)


def test_a_steady_and_a_drifting_crop_do_not_breathe():
    drift = breathing(crops(x=np.linspace(0, 900, 3000), size=200.0), FPS)
    assert drift.centre == pytest.approx(0.0, abs=1e-15)
    assert drift.scale == pytest.approx(0.0, abs=1e-15)


def test_white_noise_breathes_with_the_share_above_the_cutoff():
    random = np.random.default_rng(7)
    noise = random.normal(scale=0.01, size=(3, 30_000))
    result = breathing(crops(200 * noise[0], 200 * noise[1], 200 * np.exp(noise[2]), 30_000), FPS)
    share = 1 - 2 * 3.0 / FPS
    assert result.centre == pytest.approx(2 * 0.01**2 * share, rel=0.05)
    assert result.scale == pytest.approx(0.01**2 * share, rel=0.05)


@pytest.mark.parametrize(("hertz", "power"), [(1.0, 0.0), (5.0, 0.5 * 0.02**2)])
def test_only_a_quick_oscillation_breathes(hertz, power):
    wave = 0.02 * np.sin(2 * math.pi * hertz * np.arange(3000) / FPS)
    assert breathing(crops(size=200 * np.exp(wave)), FPS).scale == pytest.approx(power, abs=2e-6)


def test_lpips_difference_by_hand():
    assert lpips_difference([0.10, 0.30], [0.12, 0.25]) == pytest.approx(3.5)
    assert lpips_difference([0.1], [0.1]) == 0.0


def test_bad_arguments_are_refused():
    meter = SteadinessMeter()
    with pytest.raises(ValueError, match="at least three frames"):
        meter.result()
    with pytest.raises(ValueError, match=r"\[P, 2\]"):
        meter.push(np.zeros((5, 3)), np.zeros((5, 3)), EYES)
    with pytest.raises(ValueError, match="inter_ocular is 0"):
        meter.push(np.zeros((5, 2)), np.zeros((5, 2)), 0.0)
    with pytest.raises(ValueError, match="max_lag is 0"):
        SteadinessMeter(0)
    with pytest.raises(ValueError, match="twice the cutoff"):
        breathing(crops(), fps=5.0)
    with pytest.raises(ValueError, match="T ≥ 16"):
        breathing(crops(frames=10), FPS)
    with pytest.raises(ValueError, match="sizes above 0"):
        breathing(crops(size=0.0), FPS)
    with pytest.raises(ValueError, match="one number per pair"):
        lpips_difference([0.1], [0.1, 0.2])
