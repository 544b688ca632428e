"""Aligned landmarks, identity by shots and the breathing crop, on meshes made by hand."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from pipelines.evaluation.aligned import AlignedLandmarks, inter_ocular
from pipelines.evaluation.over_time import CropMotion, IdentityOverTime
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.types import Alignment

FPS = 30.0


@pytest.fixture(scope="module")
def mesh(viewed):
    return viewed[0][2].mesh


def talking(mesh, frames=400, seed=0):
    """The mesh as its head drifts over the frame and its lower half speaks at up to 4 Hz."""
    random = np.random.default_rng(seed)
    drift = gaussian_filter1d(random.normal(size=(frames, 1, 2)), 25, axis=0) * 60
    speech = gaussian_filter1d(random.normal(size=(frames, 1, 1)), 2, axis=0) * 6
    moving = np.repeat(mesh[None], frames, axis=0)
    moving[:, :, :2] += drift
    moving[:, :, 1:2] += speech * (mesh[:, 1:2] > np.median(mesh[:, 1]))
    return moving


def measure(source, result):
    landmarks = AlignedLandmarks()
    for before, after in zip(source, result, strict=True):
        landmarks.push(Alignment(quad_from_mesh(before), 256), before, after)
    return landmarks.finish()


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_an_expression_that_is_late_lags_however_the_head_moves(mesh, delay):
    """The head itself is on time, as a pasted one always is."""
    whole = talking(mesh, 410)
    source = whole[5:405]
    earlier = whole[5 - delay : 405 - delay]
    upper = mesh[:, 1] <= np.median(mesh[:, 1])
    head, old_head = (m[:, upper].mean(axis=1, keepdims=True) for m in (source, earlier))
    result = measure(source, earlier - old_head + head)
    assert result.lag == pytest.approx(delay, abs=0.3)


def test_a_paste_that_trembles_is_jitter(mesh):
    random, sigma = np.random.default_rng(1), 0.5
    source = talking(mesh)
    result = source.copy()
    result[:, :, :2] += random.normal(scale=sigma, size=(len(source), 1, 2))
    excess = measure(source, result).jitter ** 2 - measure(source, result).source_jitter ** 2
    expected = np.sqrt(6) * sigma / inter_ocular(mesh)
    assert np.sqrt(excess) == pytest.approx(expected, rel=0.1)


def test_trembling_of_the_alignment_itself_is_not_hidden(mesh):
    """The source's landmarks tremble and the paste follows them, beside a face that does not."""
    random = np.random.default_rng(2)
    noisy, smooth = talking(mesh), talking(mesh)
    noisy[:, :, :2] += random.normal(scale=0.5, size=(len(noisy), 1, 2))
    assert measure(noisy, smooth).excess_jitter < 0
    assert measure(noisy, noisy).excess_jitter == pytest.approx(0, abs=1e-9)


def test_a_frame_without_a_face_is_left_out(mesh):
    source = talking(mesh, 40)
    result = [None if index == 20 else points for index, points in enumerate(source)]
    assert measure(source, result).excess_jitter == pytest.approx(0, abs=1e-9)
    assert measure(source[:2], result[:2]) is None


def unit(angle):
    return np.array([np.cos(angle), np.sin(angle)])


def test_identity_is_compared_within_shots():
    identity = IdentityOverTime()
    for angle in (0.0, 0.1):
        identity.push(unit(angle), unit(angle))
    identity.cut()
    # Another person: at a right angle to the first, which one matrix of both would divide by.
    for source, result in ((np.pi / 2, np.pi / 2), (np.pi / 2, np.pi / 2 + 0.4)):
        identity.push(unit(source), unit(result))
    identity.cut()
    assert identity.result().local == pytest.approx((1 + np.cos(0.4)) / 2)


def test_a_shot_whose_source_is_no_one_person_is_left_out():
    identity = IdentityOverTime()
    for angle in (0.0, np.pi / 2):
        identity.push(unit(angle), unit(0.1))
    identity.cut()
    assert identity.result() is None


def test_identity_of_single_frames_is_not_known():
    identity = IdentityOverTime()
    identity.push(unit(0), unit(0))
    identity.cut()
    assert identity.result() is None


def test_a_crop_that_breathes_shows_its_power(mesh):
    motion, times = CropMotion(), np.arange(300) / FPS
    middle = mesh[:, :2].mean(axis=0)
    for time, size in zip(times, np.exp(0.02 * np.sin(2 * np.pi * 5 * times)), strict=True):
        points = mesh.copy()
        points[:, :2] = middle + size * (mesh[:, :2] - middle)
        motion.push(time, points)
    motion.cut()
    assert motion.breathing().scale == pytest.approx(0.5 * 0.02**2, rel=0.05)


def test_a_clip_of_few_frames_a_second_cannot_show_breathing(mesh):
    motion = CropMotion()
    for index in range(30):
        motion.push(index / 5, mesh)
    motion.cut()
    assert motion.breathing() is None


def test_a_run_too_short_for_a_spectrum_is_left_out(mesh):
    motion = CropMotion()
    for index in range(15):
        motion.push(index / FPS, mesh)
    motion.cut()
    assert motion.breathing() is None
