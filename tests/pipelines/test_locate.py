"""Real people in made-up scenes: they cross, vanish for some frames, leave, come back, are cut."""

from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import pytest

from pipelines.cast import Everyone, Largest, Numbered
from pipelines.locate import FaceLocator, FaceNetworks
from pipelines.media import VideoReader
from pipelines.media.frame import Frame
from videoinv.checkpoints.fetch import fetch

HEIGHT, WIDTH = 400, 900
BACKGROUND = 120
HALF = 110, 85
"""Half the height and width of the ellipse in which a head is shown."""


@pytest.fixture(scope="module")
def networks():
    return FaceNetworks()


@pytest.fixture(scope="module")
def people(networks):
    """Thirty heads of each of two real people, cut out as ellipses [220, 170, 3]."""
    return [heads(networks, fetch(name)) for name in ("clip-webcam-smile", "clip-hand-over-face")]


def heads(networks, path):
    images = [frame.image for frame in islice(VideoReader(path), 30)]
    face = networks.detector.detect(images[0])[0]
    x, y = (face.box[:2] + face.box[2:]) / 2
    scale = 150 / (face.box[3] - face.box[1])
    matrix = np.array([[1 / scale, 0, x - HALF[1] / scale], [0, 1 / scale, y - HALF[0] / scale]])
    return [warp(image, matrix) for image in images]


def warp(image, matrix):
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (2 * HALF[1], 2 * HALF[0]), flags=flags)


def scene(*placed):
    """A frame's image with heads at (x, y), later ones in front."""
    image = np.full((HEIGHT, WIDTH, 3), BACKGROUND, float)
    rows, columns = np.mgrid[-1 : 1 : 2j * HALF[0], -1 : 1 : 2j * HALF[1]]
    mask = np.clip(6 * (1 - rows**2 - columns**2), 0, 1)[:, :, None]
    for head, x, y in placed:
        top, left = int(y) - HALF[0], int(x) - HALF[1]
        box = image[top : top + 2 * HALF[0], left : left + 2 * HALF[1]]
        box += (head - box) * mask
    return image.round().astype(np.uint8)


def located(networks, images, *faces, **how):
    frames = (Frame(image, i, Fraction(1, 30), i) for i, image in enumerate(images))
    steps = list(FaceLocator(lambda scale: 128, networks, faces, **how).locate(frames))
    assert [step.frame.index for step in steps] == list(range(len(images)))
    return steps


def who(step):
    """Where each person is: centres in x by number."""
    return {p.person: p.alignment.center[0] for p in step.people.values()}


@pytest.mark.parametrize("detect_every", [1, 5])
def test_two_who_cross_are_never_taken_for_each_other(people, networks, detect_every):
    him, her = people
    count = 45
    him_x = np.linspace(120, 780, count)
    her_x = np.linspace(760, 140, count)
    images = [
        scene((her[i % 30], her_x[i], 200), (him[i % 30], him_x[i], 205)) for i in range(count)
    ]
    steps = located(networks, images, Numbered(1), Numbered(2), detect_every=detect_every)
    for step, x, other in zip(steps, him_x, her_x, strict=True):
        places = who(step)
        assert places[0] == pytest.approx(x, abs=25)
        assert 1 not in places or places[1] == pytest.approx(other, abs=25)
        assert abs(x - other) < 120 or 1 in places
        assert all(p.roles == (p.person,) for p in step.people.values())


def test_a_face_missed_for_some_frames_keeps_its_run_and_moves_on(people, networks):
    images = [scene((people[0][i], 200 + 6 * i, 200)) for i in range(24)]
    for index in range(10, 15):
        images[index] = images[index].copy()
        images[index][:, 150:400] = images[index][:, 150:400] // 8 + 100  # a veil: no face to see
    steps = located(networks, images, Largest())
    assert [list(step.people) for step in steps] == [[0]] * 24
    moved = np.diff([who(step)[0] for step in steps])
    assert np.all(np.abs(moved - 6) < 5)


def test_a_cut_begins_new_runs_and_who_comes_back_is_recognised(people, networks):
    him, her = people
    first = [scene((him[i], 250, 200), (her[i], 600, 200)) for i in range(12)]
    noise = np.random.default_rng(0).integers(0, 256, (6, 12, 3), np.uint8)
    empty = [cv2.resize(noise, (WIDTH, HEIGHT))] * 8
    third = [scene((her[i + 8], 220, 200), (him[i + 8], 700, 200)) for i in range(12)]
    steps = located(networks, first + empty + third, Numbered(1))
    assert [who(step).keys() for step in steps] == [{0}] * 12 + [set()] * 8 + [{0}] * 12
    assert who(steps[0])[0] == pytest.approx(250, abs=25)
    assert who(steps[-1])[0] == pytest.approx(700, abs=25)
    assert steps[11].people.keys().isdisjoint(steps[20].people)


def test_who_is_elsewhere_at_once_is_neither_filled_nor_smoothed_over(people, networks):
    here = [scene((people[0][i], 200, 200)) for i in range(6)]
    there = [scene((people[0][i], 700, 200)) for i in range(6)]
    steps = located(networks, [*here, scene(), scene(), *there], Largest())
    assert [len(step.people) for step in steps] == [1] * 6 + [0] * 2 + [1] * 6
    assert [list(who(step)) for step in steps[:1] + steps[-1:]] == [[0], [0]]


def test_all_are_followed_and_only_the_chosen_otherwise(people, networks):
    images = [scene((people[0][i], 250, 200), (people[1][i], 600, 200)) for i in range(6)]
    assert [set(who(step)) for step in located(networks, images, Everyone())] == [{0, 1}] * 6
    assert [set(who(step)) for step in located(networks, images, Numbered(2))] == [{1}] * 6


def test_nobody_is_found_in_an_empty_room(networks):
    steps = located(networks, [scene()] * 5, Everyone())
    assert all(not step.people for step in steps)


def test_a_crop_grows_with_who_comes_nearer_and_stays_as_large(people, networks):
    him, _ = people
    count = 20
    zoom = 1 + 0.8 * np.sin(np.linspace(0, np.pi, count))  # nearer, and away again
    images = []
    for i in range(count):
        matrix = cv2.getRotationMatrix2D((450, 200), 0, zoom[i])
        near = scene((him[i], 450, 200))
        images.append(cv2.warpAffine(near, matrix, (WIDTH, HEIGHT), borderValue=(BACKGROUND,) * 3))
    frames = (Frame(image, i, Fraction(1, 30), i) for i, image in enumerate(images))
    locator = FaceLocator(lambda scale: 256 if scale > 320 else 128, networks, [Largest()])
    steps = list(locator.locate(frames))
    sizes = [person.alignment.size for step in steps for person in step.people.values()]
    assert len(sizes) == count and len({run for step in steps for run in step.people}) == 1
    assert sizes == sorted(sizes) and set(sizes) == {128, 256}
