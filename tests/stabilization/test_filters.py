"""Every stream equals its offline filter on every segment, and none lags or crosses a cut."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from stabilization.filters import (
    Bilateral,
    Gaussian,
    Identity,
    SavitzkyGolay,
    unwrap_angle,
)

finite = st.floats(-1e3, 1e3, width=32)
clips = st.integers(1, 40).flatmap(lambda length: arrays(np.float64, (length, 2), elements=finite))
windows = st.tuples(st.integers(0, 6), st.integers(0, 3)).map(
    lambda pair: (2 * pair[0] + 1, min(pair[1], 2 * pair[0]))
)
sigmas = st.floats(0.2, 6.0)


def stream(stream_filter, values):
    out = [smoothed for value in values for smoothed in stream_filter.push(value)]
    return np.stack(out + stream_filter.flush())


@given(values=clips, sigma=sigmas, truncate=st.floats(0.5, 4.0))
def test_gaussian_equals_scipy_offline(values, sigma, truncate):
    offline = gaussian_filter1d(values, sigma, axis=0, mode="nearest", truncate=truncate)
    assert_allclose(stream(Gaussian(sigma, truncate), values), offline, rtol=1e-12, atol=1e-9)


@given(values=clips, window_order=windows)
def test_savitzky_golay_equals_scipy_offline(values, window_order):
    offline = savgol_filter(values, *window_order, axis=0, mode="nearest")
    result = stream(SavitzkyGolay(*window_order), values)
    assert_allclose(result, offline, rtol=1e-10, atol=1e-9)


@given(values=clips, sigma=sigmas, data=st.data())
def test_segments_are_filtered_each_by_itself(values, sigma, data):
    cuts = data.draw(st.sets(st.integers(0, len(values) - 1)))
    parts = [part for part in np.split(values, sorted(cuts)) if len(part)]
    alone = [gaussian_filter1d(part, sigma, axis=0, mode="nearest", truncate=3.0) for part in parts]
    smooth = Gaussian(sigma)  # one for all: it is as new after each flush
    result = np.concatenate([stream(smooth, part) for part in parts])
    assert_allclose(result, np.concatenate(alone), rtol=1e-12, atol=1e-9)


@given(values=clips, make=st.sampled_from([lambda: Gaussian(1.5), lambda: SavitzkyGolay(7, 2)]))
def test_outputs_come_exactly_k_frames_late(values, make):
    stream_filter, owed = make(), 0
    for index, value in enumerate(values):
        owed += 1 - len(stream_filter.push(value))
        assert owed == min(index + 1, stream_filter.delay)
    assert len(stream_filter.flush()) == owed
    assert stream_filter.flush() == []


@given(
    value=arrays(np.float64, (3,), elements=finite),
    length=st.integers(1, 30),
    make=st.sampled_from([Identity, lambda: Gaussian(2.0), lambda: SavitzkyGolay(9, 3)]),
)
def test_constants_stay(value, length, make):
    assert_allclose(stream(make(), [value] * length), [value] * length, rtol=1e-12, atol=1e-9)


@given(slope=finite, offset=finite, sigma=sigmas)
def test_a_straight_line_stays_away_from_the_ends_so_nothing_lags(slope, offset, sigma):
    line = offset + slope * np.arange(60.0)
    smooth = Gaussian(sigma)
    result = stream(smooth, line)
    inner = slice(smooth.delay, 60 - smooth.delay)
    assert_allclose(result[inner], line[inner], rtol=1e-9, atol=1e-6)


def test_savitzky_golay_keeps_the_parabola_that_a_gaussian_of_its_width_shifts():
    parabola = np.arange(40.0) ** 2
    kept = stream(SavitzkyGolay(9, 2), parabola)
    shifted = stream(Gaussian(4 / 3), parabola)
    assert_allclose(kept[4:-4], parabola[4:-4], rtol=1e-9)
    assert_allclose((shifted - parabola)[4:-4], (shifted - parabola)[20], rtol=1e-6)
    assert shifted[20] - parabola[20] > 1.0


@given(values=clips, sigma=sigmas)
def test_reversing_time_reverses_the_result(values, sigma):
    forth, back = stream(Gaussian(sigma), values), stream(Gaussian(sigma), values[::-1])
    assert_allclose(forth, back[::-1], rtol=1e-12, atol=1e-9)


def test_white_noise_is_reduced_by_the_kernels_norm():
    noise = np.random.default_rng(0).normal(size=20_000)
    smooth = stream(Gaussian(2.0, truncate=5.0), noise)
    assert smooth.std() == pytest.approx(math.sqrt(1 / (2 * 2.0 * math.sqrt(math.pi))), rel=0.03)


def test_codes_keep_dtype_and_shape_and_the_callers_buffer_may_be_reused():
    codes = np.random.default_rng(1).normal(size=(12, 18, 512)).astype(np.float32)
    smooth, buffer, out = Gaussian(1.0), np.empty((18, 512), np.float32), []
    for frame in codes:
        buffer[:] = frame
        out += smooth.push(buffer)
    out += smooth.flush()
    assert out[0].dtype == np.float32
    offline = gaussian_filter1d(codes, 1.0, axis=0, mode="nearest", truncate=3.0)
    assert_allclose(np.stack(out), offline, rtol=1e-6, atol=1e-7)


def test_a_flushed_filter_is_as_new():
    first, second = np.arange(5.0), np.arange(9.0).reshape(3, 3)
    smooth = SavitzkyGolay(5, 1)
    stream(smooth, first)
    assert_array_equal(stream(smooth, second), stream(SavitzkyGolay(5, 1), second))


@given(angles=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=20))
def test_unwrapped_angles_follow_the_turn(angles):
    truth = np.cumsum(angles)
    wrapped = np.angle(np.exp(1j * truth))
    followed = [truth[0]]
    for angle in wrapped[1:]:
        followed.append(unwrap_angle(angle, followed[-1]))
    assert_allclose(followed, truth, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Gaussian(0.0), "sigma is 0.0"),
        (lambda: Gaussian(math.nan), "sigma is nan"),
        (lambda: Gaussian(1.0, -1.0), "truncate is -1.0"),
        (lambda: SavitzkyGolay(4, 2), "window is 4"),
        (lambda: SavitzkyGolay(5, 5), "order is 5"),
    ],
)
def test_bad_settings_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("make", [Identity, lambda: Gaussian(1.0)])
def test_bad_values_are_refused(make):
    with pytest.raises(ValueError, match="NaN"):
        make().push([1.0, math.nan])
    stream_filter = make()
    stream_filter.push([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(3,\) in a segment of shape \(2,\)"):
        stream_filter.push([1.0, 2.0, 3.0])


def bilateral(values, sigma, reach, truncate=3.0):
    """By its definition, frame by frame."""
    k = int(truncate * sigma + 0.5)
    padded = np.pad(values, [(k, k)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    near = np.exp(-0.5 * (np.arange(-k, k + 1) / sigma) ** 2)
    out = []
    for t, middle in enumerate(values):
        window = padded[t : t + 2 * k + 1]
        apart = ((window - middle) ** 2).reshape(len(window), -1).mean(axis=1) / reach**2
        weights = near * np.exp(-apart / 2)
        out.append(np.tensordot(weights, window, 1) / weights.sum())
    return np.stack(out)


@given(values=clips, sigma=st.floats(0.3, 4), reach=st.floats(0.1, 100))
def test_bilateral_is_its_definition(values, sigma, reach):
    expected = bilateral(values, sigma, reach)
    assert_allclose(stream(Bilateral(sigma, reach), values), expected, rtol=1e-9, atol=1e-9)


def test_bilateral_smooths_noise_and_keeps_steps_ramps_and_rest():
    noise = np.random.default_rng(0).normal(0, 0.01, (400, 2))
    still = stream(Bilateral(2.0, 0.05), noise)
    assert still[10:-10].std() < 0.45 * noise.std()
    step = np.repeat([[0.0, 0.0], [5.0, 5.0]], 30, axis=0)
    assert_allclose(stream(Bilateral(2.0, 0.05), step), step, atol=1e-12)
    ramp = np.arange(40.0)[:, None]
    assert_allclose(stream(Bilateral(2.0, 0.05), ramp), ramp, atol=1e-12)
    rest = np.full((20, 2), 0.1)
    assert np.array_equal(stream(Bilateral(2.0, 0.05), rest), rest)


def test_bilateral_with_an_endless_reach_is_the_gaussian():
    values = np.random.default_rng(1).normal(size=(50, 3))
    assert_allclose(stream(Bilateral(1.5, 1e6), values), stream(Gaussian(1.5), values), atol=1e-9)
    with pytest.raises(ValueError, match="reach is 0"):
        Bilateral(1.0, 0.0)
