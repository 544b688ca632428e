"""Results whose scores are known beforehand, made of a real face."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from pipelines.evaluation.networks import SIDE
from pipelines.evaluation.picture import Picture
from videoinv.faces.align import to_tensor
from videoinv.metrics.reconstruction import ReconstructionMetrics

FPS = 30.0


@pytest.fixture(scope="module")
def still(look, frames):
    """One frame, six times."""
    return look([(index / FPS, frames[0].image) for index in range(6)])


@pytest.fixture(scope="module")
def panned(look, frames):
    """The picture glides by two pixels a frame."""
    image = frames[0].image
    return look([(index / FPS, np.roll(image, 2 * index, axis=1)) for index in range(6)])


def copy(index, image, view):
    return Picture(image)


def test_a_copy_is_perfect(viewed, score):
    clip, _ = score(viewed, copy)
    assert (clip.frames, clip.scored, clip.lost) == (20, 20, 0)
    assert (clip.ssim, clip.mse, clip.psnr, clip.lpips) == (pytest.approx(1), 0, math.inf, 0)
    assert clip.identity == pytest.approx(1)
    assert (clip.tl_id, clip.tg_id) == (pytest.approx(1), pytest.approx(1))
    assert clip.warping_error == clip.source_warping_error
    assert (clip.tof, clip.tlp, clip.excess_jitter) == (0, 0, 0)
    assert clip.lag == pytest.approx(0, abs=1e-6)
    assert clip.amplitude == pytest.approx(1)
    assert clip.breathing_centre == clip.source_breathing_centre > 0
    assert clip.breathing_scale == clip.source_breathing_scale > 0


def test_frame_scores_are_those_of_training(viewed, score, frames):
    """One implementation of the papers' five numbers, whoever asks."""
    _, scores = score(viewed[:2], lambda i, image, view: Picture(frames[i + 5].image))
    grid = viewed[1][2].grid
    crops = [Picture(image).on(grid) for image in (frames[6].image, viewed[1][1])]
    expected = ReconstructionMetrics().measure(*(to_tensor([crop]) for crop in crops))[0]
    for name, value in expected.as_dict().items():
        assert getattr(scores[1], name) == pytest.approx(value, rel=1e-4), name


def test_a_still_clip_does_not_move(still, score):
    clip, _ = score(still, copy)
    assert (clip.warping_error, clip.source_warping_error, clip.tof) == (0, 0, 0)
    assert clip.jitter == pytest.approx(0, abs=1e-6)
    assert clip.tl_id == pytest.approx(1)


def test_white_noise_gives_its_variance(still, score):
    """The noise lies on the crop's own pixels, so that nothing averages it."""
    random, sigma = np.random.default_rng(0), 6.0

    def noisy(index, image, view):
        grid = view.grid
        noise = random.normal(scale=sigma, size=(SIDE, SIDE, 3))
        crop = np.clip(np.rint(Picture(image).on(grid) + noise), 0, 255)
        return Picture(crop.astype(np.uint8), grid)

    clip, _ = score(still, noisy)
    variance = (sigma**2 + 1 / 12) / 255**2  # rounding adds a twelfth of a level squared
    assert clip.mse == pytest.approx(4 * variance, rel=0.03)
    assert clip.psnr == pytest.approx(-10 * math.log10(variance), abs=0.15)
    assert clip.warping_error == pytest.approx(2 * variance, rel=0.03)
    assert clip.source_warping_error == 0
    assert clip.ssim < 0.95
    assert clip.lpips > 0.02
    assert clip.excess_jitter > 0


def test_a_translation_is_followed_by_the_flow(panned, score):
    clip, _ = score(panned, copy)
    assert clip.source_warping_error < 2e-5
    assert clip.tof == 0


def test_tof_is_the_motion_that_a_still_result_lacks(panned, score):
    """A frozen face against one that glides: the difference of the flows is the speed."""
    first = panned[0][1]
    clip, scores = score(panned, lambda index, image, view: Picture(first))
    speed = 2 * SIDE / panned[0][2].grid.scale
    assert scores[1].tof == pytest.approx(speed, rel=0.1)
    assert clip.warping_error > 10 * clip.source_warping_error


def test_a_delayed_copy_lags(viewed, score, frames):
    clip, _ = score(viewed, lambda i, image, view: Picture(frames[max(i - 2, 0)].image))
    assert clip.lag == pytest.approx(2, abs=0.5)


def test_an_over_smoothed_copy_does_not_win(viewed, score, frames):
    """It is steadier than the source, and pays in every other column."""
    stack = np.stack([frame.image for frame in frames]).astype(np.float32)
    blurred = np.rint(gaussian_filter1d(stack, 4.0, axis=0, mode="nearest")).astype(np.uint8)
    clip, _ = score(viewed, lambda i, image, view: Picture(blurred[i]))
    assert clip.excess_jitter < 0
    assert clip.amplitude < 0.9
    assert clip.lpips > 0.005
    assert clip.tof > 0.05


def test_flicker_shows_in_the_measures_over_time(still, score):
    def flicker(index, image, view):
        return Picture((image * (0.9 if index % 2 else 1.0)).astype(np.uint8))

    clip, scores = score(still, flicker)
    assert clip.warping_error > 1e-4
    assert clip.tlp > 0.1
    assert clip.excess_jitter >= 0
    assert scores[1].lpips > scores[0].lpips == 0


def test_frames_without_a_face_are_counted_and_end_the_shot(score, look, frames):
    grey = np.full_like(frames[0].image, 90)
    images = [frames[0].image, frames[1].image, grey, frames[2].image]
    clip, scores = score(look([(i / FPS, image) for i, image in enumerate(images)]), copy)
    assert (clip.frames, clip.scored) == (4, 3)
    assert [frame.index for frame in scores] == [0, 1, 3]
    assert [frame.tof is None for frame in scores] == [True, False, True]
    assert scores[2].shot != scores[1].shot


def test_a_result_without_a_face_is_lost_and_still_scored(score, viewed):
    grey = np.full_like(viewed[0][1], 90)
    clip, _ = score(viewed[:3], lambda *_: Picture(grey))
    assert (clip.scored, clip.lost) == (3, 3)
    assert clip.jitter is None
    assert clip.lpips > 0.3


def test_a_result_that_lacks_a_frame_ends_the_shot(score, viewed):
    clip, scores = score(viewed[:4], lambda i, image, v: None if i == 2 else Picture(image))
    assert (clip.frames, clip.scored) == (4, 3)
    assert scores[2].tof is None


def test_a_crop_in_its_place_looks_like_the_frame(viewed, networks):
    """A generated crop is read on other grids through its own place in the frame."""
    _, image, view = viewed[0]
    large = view.grid.resized(1024)
    as_crop, as_frame = Picture(Picture(image).on(large), large), Picture(image)
    shifted = viewed[3][2].grid
    change = np.abs(as_crop.on(shifted).astype(float) - as_frame.on(shifted))[20:-20, 20:-20]
    assert change.mean() < 1.0
    meshes = [picture.mesh(networks.mesh, view.region) for picture in (as_crop, as_frame)]
    assert np.abs(meshes[0] - meshes[1])[:, :2].mean() < 0.01 * view.grid.scale
    assert np.abs(meshes[0] - meshes[1])[:, 2].mean() < 0.01 * view.grid.scale
