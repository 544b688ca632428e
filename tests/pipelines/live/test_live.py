"""Frames that cannot wait: each is finished before the next is taken."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import videoinv
from pipelines.cast import parse_casting
from pipelines.cli import main
from pipelines.live import window
from pipelines.live.editor import LiveEditor, LiveSettings
from pipelines.live.window import Window, marked
from pipelines.media import VideoReader
from pipelines.webcam import Viewer
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError


@pytest.fixture(scope="module")
def model():
    return videoinv.load("default", device="cpu")


def editor(model, *edits):
    return LiveEditor(model, parse_casting(None, edits, model.directions), LiveSettings())


def some_frames(count):
    return list(islice(VideoReader(fetch("clip-webcam-smile")), count))


def test_every_frame_is_finished_before_the_next_is_taken(model):
    taken = []

    def camera():
        for frame in some_frames(4):
            taken.append(frame.index)
            yield frame

    for count, finished in enumerate(editor(model, "smile=2").edit(camera()), start=1):
        assert taken == list(range(count))
        assert finished.frame.index == count - 1
        change = np.abs(finished.frame.image.astype(int) - finished.step.frame.image)
        assert (change.max(axis=2) > 25).mean() > 0.001
    assert len(taken) == 4


def test_a_face_that_is_missed_holds_no_frame_back(model):
    frames = some_frames(4)
    for index in (1, 2):
        frames[index] = replace(frames[index], image=np.full_like(frames[0].image, 120))
    people = [len(finished.step.people) for finished in editor(model, "smile=1").edit(frames)]
    assert people == [1, 0, 0, 1]


class Screen:
    """A window whose viewer presses one key after another."""

    def __init__(self, *wishes):
        self.wishes, self.shown = list(wishes), []

    def show(self, image):
        self.shown.append(image)
        return self.wishes.pop(0) if self.wishes else None


def test_keys_change_the_edit_while_it_runs(model):
    first = some_frames(1)[0]
    frames = [replace(first, pts=first.pts + 3000 * i, index=i) for i in range(6)]
    screen = Screen("stronger", "stronger", "switch", None, "end", "stronger")
    live = editor(model, "smile=1")
    viewer = Viewer(live, screen)
    viewer.watch(frames)
    assert len(screen.shown) == len(viewer.late) == 5
    assert viewer.edited == 3
    moved = [np.abs(image.astype(int) - first.image).mean() for image in screen.shown]
    assert moved[0] < moved[1] < moved[2]
    # Switched off, the picture is the camera's and does not say that it was edited.
    assert moved[3] == moved[4] == 0
    viewer.grant("switch")
    viewer.grant("weaker")
    assert [str(edit) for some in live.faces for edit in some.edits] == ["smile=1.5"]


def test_an_edited_picture_says_so_in_its_corner():
    image = np.full((360, 640, 3), 128, np.uint8)
    result = marked(image)
    assert (image == 128).all()
    rows, columns = np.nonzero((result != 128).any(axis=2))
    assert rows.min() > 300 and columns.max() < 320 and len(rows) > 300


def test_without_a_screen_it_is_told_and_nothing_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(window.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInputError, match="no screen"), Window():
        pass
    clip = str(fetch("clip-webcam-smile"))
    assert main(["webcam", "--camera", clip, "--edit", "smile=2"]) == 2
    assert "--no-window" in capsys.readouterr().err


def test_it_runs_from_the_command_line_and_says_how_fast_it_was(capsys):
    clip = str(fetch("clip-webcam-smile"))
    quick = ["--device", "cpu", "--no-window", "--frames", "2"]
    assert main(["webcam", "--camera", clip, "--edit", "smile=2", *quick]) == 0
    assert capsys.readouterr().err.startswith("2 frames in")
    assert main(["webcam", "--camera", clip, *quick[:-1], "0"]) == 2
    assert "--frames is 0" in capsys.readouterr().err
