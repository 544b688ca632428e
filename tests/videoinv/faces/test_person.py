import numpy as np
import pytest

from videoinv.faces.person import PersonSegmenter


@pytest.fixture(scope="module")
def segmenter():
    return PersonSegmenter()


def test_a_man_is_told_from_the_wall_behind_him(segmenter, man):
    mask = segmenter.segment(man[0])
    assert mask.shape == man[0].shape[:2] and mask.min() >= 0 and mask.max() <= 1
    middle, corners = mask[150:250, 280:360], mask[:40, [0, -1]]
    assert middle.mean() > 0.95 and corners.max() < 0.1


def test_a_wall_alone_is_nobody(segmenter):
    assert segmenter.segment(np.full((256, 256, 3), 180, np.uint8)).mean() < 0.05
