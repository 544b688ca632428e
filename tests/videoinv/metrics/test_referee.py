"""dlib's opinion on who it is, on real faces."""

import pytest
import torch

from pipelines.clip_faces import clip_faces
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import MissingExtraError
from videoinv.faces.align import to_tensor
from videoinv.metrics.referee import SAME_PERSON, Referee


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    def without(wanted):
        raise ImportError(wanted)

    monkeypatch.setattr("videoinv.metrics.referee.import_module", without)
    with pytest.raises(MissingExtraError, match=r"videoinv\[dlib\]"):
        Referee()


def test_one_person_is_near_and_two_are_far():
    pytest.importorskip("dlib")
    man = to_tensor(clip_faces(fetch("clip-webcam-smile"), 256, most=2))
    other = to_tensor(clip_faces(fetch("clip-hand-over-face"), 256, most=2))
    referee = Referee()
    same = referee.distances(man, man.flip(0))
    assert (same < SAME_PERSON).all()
    assert (referee.distances(man, other) > SAME_PERSON).all()
    assert referee.distances(man, man).max() == 0
    # A picture's size does not matter much.
    smaller = torch.nn.functional.interpolate(man, 128, mode="area")
    assert (
        referee.distances(smaller.repeat_interleave(2, 2).repeat_interleave(2, 3), man).max() < 0.4
    )
