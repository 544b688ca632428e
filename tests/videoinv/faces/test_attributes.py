import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videoinv.faces.align import to_tensor
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.faces.head_pose import frontal, head_pose
from videoinv.faces.mesh_measures import mouth_open, mouth_smile


@pytest.fixture(scope="module")
def scorer():
    return AttributeScorer()


@pytest.fixture(scope="module")
def scores(scorer, crops):
    return scorer.score(crops)


def test_every_score_is_there_and_finite(scores):
    assert scores.array().shape == (5, len(ATTRIBUTES))
    assert np.isfinite(scores.array()).all()
    assert np.array_equal(scores["age"], scores.age)
    with pytest.raises(KeyError, match="smile, age"):
        scores["beard"]


def test_the_smile_is_seen(scores):
    before, during, later = scores.smile[:3]
    assert before < -0.5
    assert during > 0.8
    assert later > 0.8
    assert scores.mouth_open[1] > scores.mouth_open[0] + 0.1


def test_shut_eyes_are_seen(scores):
    shut, open_ = scores.eyes_open[3:]
    assert shut < 0.15
    assert open_ > 0.25
    assert (scores.eyes_open[:3] > 0.2).all()


def test_man_and_woman(scores):
    assert (scores.gender[:3] < 0).all()
    assert (scores.gender[3:] > 0).all()
    assert ((scores.age > 10) & (scores.age < 60)).all()


def test_mirroring_turns_yaw_and_roll_only(scorer, crops, scores):
    mirrored = scorer.score(crops.flip(-1))
    assert np.abs(mirrored.yaw + scores.yaw).max() < 5
    assert np.abs(mirrored.pitch - scores.pitch).max() < 4
    assert np.abs(mirrored.smile - scores.smile).max() < 0.6
    assert np.abs(mirrored.eyes_open - scores.eyes_open).max() < 0.06
    assert np.abs(mirrored.mouth_open - scores.mouth_open).max() < 0.1


def test_the_size_of_the_crop_hardly_matters(scorer, crops, scores):
    large = torch.nn.functional.interpolate(crops, scale_factor=3, mode="bicubic")
    difference = np.abs(scorer.score(large).array() - scores.array()).max(axis=0)
    limits = dict.fromkeys(ATTRIBUTES, 1.0) | {
        "smile": 0.2,
        "eyes_open": 0.04,
        "mouth_open": 0.02,
    }
    assert (difference < np.array([limits[name] for name in ATTRIBUTES])).all()


def test_no_face_is_nan_in_its_row_only(scorer, crops, scores, noise):
    mixed = torch.cat([crops[:1], to_tensor([noise])])
    table = scorer.score(mixed).array()
    assert np.allclose(table[0], scores.array()[0], atol=0.05)
    assert np.isnan(table[1]).all()
    assert scorer.score(crops[:0]).array().shape == (0, len(ATTRIBUTES))


def rotation(axis: int, degrees: float) -> np.ndarray:
    """The right-handed rotation about one axis."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, [first, second]] = cos, -sin
    matrix[second, [first, second]] = sin, cos
    return matrix


@given(st.floats(-60, 60), st.floats(-40, 40), st.floats(-40, 40))
def test_angles_are_those_by_which_the_head_was_turned(meshes, yaw, pitch, roll):
    # The camera looks along +z and y points down: turning to the right side of the image is
    # a negative turn about y, looking up a negative one about x.
    turn = rotation(1, -yaw) @ rotation(0, -pitch) @ rotation(2, roll)
    straight = frontal(meshes[0])
    pose = head_pose(straight @ turn.T)
    assert pose.yaw == pytest.approx(yaw, abs=1e-6)
    assert pose.pitch == pytest.approx(pitch, abs=1e-6)
    assert head_pose(straight @ rotation(2, roll).T).roll == pytest.approx(roll, abs=1e-6)


@given(st.floats(-50, 50), st.floats(0.1, 10))
def test_mouth_measures_ignore_turning_and_size(meshes, yaw, size):
    turned = size * meshes[1] @ rotation(1, yaw).T + [5, -3, 2]
    assert mouth_open(turned) == pytest.approx(mouth_open(meshes[1]), rel=1e-6)
    assert mouth_smile(turned) == pytest.approx(mouth_smile(meshes[1]), rel=1e-6)
