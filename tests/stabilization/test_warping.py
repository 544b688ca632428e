"""Warping error and tOF where the flow, and so the answer, is known."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from stabilization.warping import WarpingError, flow_difference, visible, warp

H, W = 48, 64


def texture(seed=0, height=H, width=W):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(height, width, 3)), (2, 2, 0))
    return (noise - noise.min()) / np.ptp(noise)


def constant_flow(dx, dy):
    return np.broadcast_to(np.array([dx, dy], np.float32), (H, W, 2)).copy()


def panned(dx, dy, border=10):
    """Two views of one texture; what is at (x, y) in the first is at (x + dx, y + dy) after."""
    world = texture(1, H + 2 * border, W + 2 * border)
    first = world[border : border + H, border : border + W]
    return first, world[border - dy : border - dy + H, border - dx : border - dx + W]


def score(previous, current, forward, backward):
    error = WarpingError()
    return error.push(previous, current, forward, visible(forward, backward))


def test_a_still_clip_has_no_error_and_no_occlusion():
    still = constant_flow(0, 0)
    assert visible(still, still).all()
    assert score(texture(), texture(), still, still) == 0.0


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -4), (-5, 2)])
def test_a_translation_with_its_flow_has_no_error(dx, dy):
    first, second = panned(dx, dy)
    forward, backward = constant_flow(dx, dy), constant_flow(-dx, -dy)
    seen = visible(forward, backward)
    assert seen.sum() == (H - abs(dy)) * (W - abs(dx))
    assert score(first, second, forward, backward) == pytest.approx(0.0, abs=1e-10)
    assert score(first, second, constant_flow(0, 0), constant_flow(0, 0)) > 1e-3


def test_half_pixels_are_read_between_pixels():
    ramp = np.broadcast_to(np.arange(W, dtype=np.float64), (H, W))
    moved = warp(ramp, constant_flow(0.5, 0))
    assert_allclose(moved[:, :-1], ramp[:, :-1] + 0.5)


def test_flicker_of_known_variance_gives_twice_the_variance():
    random, still, error = np.random.default_rng(0), constant_flow(0, 0), WarpingError()
    frames = [0.5 + random.normal(scale=0.03, size=(H, W, 3)) for _ in range(20)]
    for previous, current in pairwise(frames):
        error.push(previous, current, still, visible(still, still))
    assert error.pairs == 19
    assert error.mean == pytest.approx(2 * 0.03**2, rel=0.02)


def test_what_an_object_uncovers_or_covers_does_not_count():
    x = np.arange(W)
    on_first, on_second = (x >= 20) & (x < 30), (x >= 26) & (x < 36)
    first, second = texture(2), texture(2)
    first[:, on_first] = second[:, on_second] = texture(3)[:, :10]
    forward, backward = constant_flow(0, 0), constant_flow(0, 0)
    forward[:, on_first], backward[:, on_second] = (6, 0), (-6, 0)
    seen = visible(forward, backward)
    covered = (x >= 30) & (x < 36)
    assert not seen[:, covered].any()
    assert not seen[:, [19, 29]].any()  # motion boundaries
    assert seen[:, (x < 19) | (x > 36)].all()
    assert score(first, second, forward, backward) == pytest.approx(0.0, abs=1e-10)


def test_the_published_thresholds():
    flow = constant_flow(2.0, 0.0)
    for backward_x, occluded in ((-1.26, False), (-1.25, True)):
        limit = 0.01 * (4.0 + backward_x**2) + 0.5
        assert ((2.0 + backward_x) ** 2 > limit) == occluded
        assert visible(flow, constant_flow(backward_x, 0))[:, : W - 2].all() != occluded
    for step, boundary in ((0.044, False), (0.046, True)):
        bent = constant_flow(0, 0)
        bent[:, 30:, 1] = step
        assert visible(bent, -bent)[: H - 1, 29].any() != boundary


def test_eight_bits_are_read_as_zero_to_one():
    still = constant_flow(0, 0)
    black, white = np.zeros((H, W, 3), np.uint8), np.full((H, W, 3), 255, np.uint8)
    assert score(black, white, still, still) == pytest.approx(1.0)


def test_a_pair_with_nothing_visible_does_not_count():
    error, away = WarpingError(), constant_flow(500, 0)
    assert error.push(texture(), texture(), away, visible(away, -away)) is None
    assert (error.pairs, error.mean) == (0, None)


def test_flow_difference_is_the_mean_length():
    assert flow_difference(constant_flow(3, 4), constant_flow(0, 0)) == pytest.approx(5.0)
    assert flow_difference(constant_flow(3, 4), constant_flow(3, 4)) == 0.0


def test_shapes_that_do_not_fit_are_refused():
    flow = constant_flow(0, 0)
    with pytest.raises(ValueError, match="flow of shape"):
        warp(texture()[:-1], flow)
    with pytest.raises(ValueError, match="flow of shape"):
        visible(flow, flow[:-1])
    with pytest.raises(ValueError, match="flow of shape"):
        flow_difference(flow[..., :1], flow)
    with pytest.raises(ValueError, match="frames of shape"):
        WarpingError().push(texture(), texture()[:-1], flow, visible(flow, flow))
