"""One Euro: causal, aware of time, steady at rest and quick in motion."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from stabilization.one_euro import OneEuro

steps = st.lists(st.floats(1e-3, 0.5), min_size=1, max_size=30)


def run(one_euro, values, times):
    return np.array(
        [one_euro.push(value, time)[0] for value, time in zip(values, times, strict=True)]
    )


@given(steps=steps, value=st.floats(-100, 100))
def test_constants_stay_at_any_rate(steps, value):
    times = np.cumsum(steps)
    assert_allclose(run(OneEuro(beta=0.5), [value] * len(times), times), value, atol=1e-9)


@given(steps=steps, beta=st.floats(0.0, 2.0), d_cutoff=st.floats(0.5, 5.0))
def test_it_is_the_published_algorithm(steps, beta, d_cutoff):
    times = np.cumsum(steps)
    values = 10 * np.sin(3 * times)
    smooth, speed, expected = values[0], 0.0, [values[0]]
    for value, seconds in zip(values[1:], np.diff(times), strict=True):

        def alpha(cutoff, seconds=seconds):
            return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))

        speed += alpha(d_cutoff) * ((value - smooth) / seconds - speed)
        smooth += alpha(1.0 + beta * abs(speed)) * (value - smooth)
        expected.append(smooth)
    result = run(OneEuro(1.0, beta, d_cutoff), values, times)
    assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


def test_it_answers_at_once_and_only_from_the_past():
    times = np.arange(20) / 30
    values = np.random.default_rng(0).normal(size=20)
    changed = values.copy()
    changed[10:] += 5.0
    before, after = run(OneEuro(), values, times), run(OneEuro(), changed, times)
    assert_allclose(before[:10], after[:10])
    assert not np.allclose(before[10:], after[10:])
    assert OneEuro().delay == 0


def test_speed_opens_the_filter():
    times = np.arange(90) / 30
    ramp = 40.0 * times
    lag_slow = ramp[-1] - run(OneEuro(min_cutoff=1.0, beta=0.0), ramp, times)[-1]
    lag_quick = ramp[-1] - run(OneEuro(min_cutoff=1.0, beta=0.5), ramp, times)[-1]
    assert 0 <= lag_quick < lag_slow / 4
    noise = np.random.default_rng(1).normal(scale=0.1, size=90)
    assert run(OneEuro(min_cutoff=1.0, beta=0.05), noise, times).std() < noise.std() / 2


def test_a_cut_starts_anew_and_times_may_restart():
    one_euro, times = OneEuro(), [0.0, 0.1]
    assert_allclose(run(one_euro, [0.0, 0.0], times), 0.0)
    assert one_euro.flush() == []
    assert_allclose(run(one_euro, [10.0, 10.0], times), 10.0)


def test_missing_and_backward_times_are_refused():
    with pytest.raises(ValueError, match="time is None"):
        OneEuro().push(1.0)
    one_euro = OneEuro()
    one_euro.push(1.0, 0.5)
    with pytest.raises(ValueError, match="must increase"):
        one_euro.push(1.0, 0.5)


@pytest.mark.parametrize("setting", ["min_cutoff", "beta", "d_cutoff"])
def test_bad_settings_are_refused(setting):
    with pytest.raises(ValueError, match=f"{setting} is -1"):
        OneEuro(**{setting: -1.0})
