"""A video that is played as a camera: the newest picture, at the film's own speed."""

import time

import pytest

from pipelines.live.camera import Camera
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import MediaError


@pytest.fixture
def clip():
    return str(fetch("clip-webcam-smile"))


def test_times_increase_and_pictures_are_upright_rgb(clip):
    with Camera(clip) as camera:
        frames = [frame for frame, _ in zip(camera, range(5), strict=False)]
    times = [frame.time for frame in frames]
    assert times == sorted(set(times)) and [frame.index for frame in frames] == list(range(5))
    height, width, channels = frames[0].image.shape
    assert width > height and channels == 3
    wall = frames[0].image[:60, :60].mean(axis=(0, 1))
    assert wall[0] > wall[2] + 20  # it is yellow, so red counts first


def test_who_is_slow_gets_the_newest_picture_and_not_the_next(clip):
    with Camera(clip) as camera:
        frames = iter(camera)
        next(frames)
        time.sleep(0.5)
        late, after = next(frames), next(frames)
    assert camera.dropped >= 5
    assert 0.3 < late.time < 2 and after.time > late.time


def test_the_film_ends_at_its_own_time(clip):
    began = time.monotonic()
    with Camera(clip) as camera:
        count = sum(1 for _ in camera)
    assert count + camera.dropped >= 70
    assert time.monotonic() - began > 2


@pytest.mark.parametrize("source", ["97", "no/such/film.mp4"])
def test_what_does_not_open_is_told(source, capfd):
    with pytest.raises(MediaError, match=rf"there is no camera.* {source} that opens"):
        Camera(source)
    assert capfd.readouterr().err == ""
