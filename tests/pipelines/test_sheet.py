"""Which frames a sheet shows: those with people, spread over the clip."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from pipelines.media.frame import Frame
from pipelines.sheet import HEADER, Sheet
from pipelines.steps import Inverted, Placed, Rendered, Step
from videoinv.faces.types import Alignment, Face
from videoinv.latents import Latent

ROW = HEADER + 256
QUAD = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 50.0], [50.0, 10.0]])


def shown(frames, seen, tmp_path):
    """The indices of the frames that are shown, if somebody is in those that are ``seen``."""
    sheet = Sheet(frames)
    for index in range(max(seen, default=0) + 1):
        frame = Frame(np.full((60, 60, 3), index, np.uint8), index, Fraction(1, 25), index)
        sheet.add(Step(frame, {0: person()} if index in seen else {}), frame)
    if sheet.is_empty:
        return []
    sheet.save(tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape[1] == 4 * 256
    return picture[2 * HEADER + 100 :: ROW, 128, 0].tolist()


def person():
    face = Face(np.array([10.0, 10, 50, 50]), np.zeros((5, 2)), 1.0)
    placed = Placed(face, Alignment(QUAD, 64), 0, (0,))
    inverted = Inverted(placed, np.zeros((64, 64, 3), np.uint8), Latent(torch.zeros(1, 4, 512)))
    grey = torch.zeros(3, 64, 64)
    return Rendered(inverted, grey, grey)


def test_rows_are_spread_over_the_clip(tmp_path):
    assert shown(101, range(101), tmp_path) == [0, 20, 40, 60, 80, 100]
    assert shown(1, range(1), tmp_path) == [0]


def test_where_nobody_is_the_next_frame_with_people_is_shown(tmp_path):
    assert shown(101, {1, 3, 23, 24, 70, 99}, tmp_path) == [1, 23, 70, 99]
    assert shown(101, {50}, tmp_path) == [50]


def test_without_a_number_of_frames_short_and_long_clips_have_rows(tmp_path):
    assert shown(None, range(10), tmp_path) == [0, 4]
    assert shown(None, range(2, 200), tmp_path) == [2, 4, 16, 64]


@pytest.mark.parametrize("frames", [None, 3])
def test_nobody_is_no_row(frames, tmp_path):
    assert shown(frames, set(), tmp_path) == []
