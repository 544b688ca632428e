"""Who gets which edits: what the command line says, and whom it means in a clip."""

import numpy as np
import pytest

from pipelines.cast import (
    Cast,
    Everyone,
    Largest,
    Numbered,
    Resembling,
    parse_casting,
    parse_face,
    split_edit,
)
from pipelines.media import VideoReader
from pipelines.pictures import write_picture
from stabilization.people import People
from stabilization.tracks import Detection, Tracker
from videoinv.checkpoints.fetch import fetch
from videoinv.editing.directions import load_directions
from videoinv.errors import BadInputError

ANNA, BEN = np.eye(128)[:2]


@pytest.fixture(scope="module")
def directions():
    return load_directions()


def at(x, embedding, side=40.0):
    return Detection(np.array([x, 0.0, x + side, side]), embedding)


@pytest.mark.parametrize(
    ("text", "who", "edit"),
    [
        ("smile=2", None, "smile=2"),
        ("2:smile=2", "2", "smile=2"),
        ("anna.jpg:smile=0@0s,2@1.5s", "anna.jpg", "smile=0@0s,2@1.5s"),
        ("smile=2:rows=3-9", None, "smile=2:rows=3-9"),
        ("all:smile=2:rows=3-9", "all", "smile=2:rows=3-9"),
        ("C:/mine/grin.safetensors=1", None, "C:/mine/grin.safetensors=1"),
        (r"C:\mine\anna.jpg:smile=1", r"C:\mine\anna.jpg", "smile=1"),
    ],
)
def test_an_edit_may_name_somebody(text, who, edit):
    assert split_edit(text) == (who, edit)


def test_edits_go_to_whom_they_name(directions):
    faces = parse_casting(None, ["1:smile=2", "2:age=-1", "1:age=1"], directions)
    assert [(f.face, f.texts) for f in faces] == [
        (Numbered(1), ["1:smile=2", "1:age=1"]),
        (Numbered(2), ["2:age=-1"]),
    ]


def test_edits_that_name_nobody_go_to_the_face_asked_for_or_the_largest(directions):
    assert parse_casting("all", ["smile=2"], directions)[0].face == Everyone()
    (largest, second) = parse_casting(None, ["smile=2", "2:age=1"], directions)
    assert (largest.face, largest.texts, second.face) == (Largest(), ["smile=2"], Numbered(2))
    assert [f.face for f in parse_casting(None, [], directions)] == [Largest()]
    assert [f.face for f in parse_casting("2", ["1:smile=1"], directions)] == [
        Numbered(2),
        Numbered(1),
    ]


@pytest.mark.parametrize(
    ("face", "words"),
    [
        ("0", "from 1"),
        ("-3", "from 1"),
        ("everyone", "'largest', 'all'"),
        ("no.png", "cannot be read"),
    ],
)
def test_a_face_that_means_nobody_is_refused(face, words):
    with pytest.raises(BadInputError, match=words):
        parse_face(face)


def test_a_picture_means_who_looks_like_it(tmp_path, directions):
    frame = next(iter(VideoReader(fetch("clip-webcam-smile"))))
    path = tmp_path / "somebody.png"
    write_picture(path, frame.image)
    face = parse_face(str(path))
    edits = parse_casting(str(path), ["smile=2:rows=0-9"], directions)[0]
    assert edits.texts == [f"{path}:smile=2:rows=0-9"]
    assert edits.public_texts == ["a picture:smile=2:rows=0-9"]
    tracker, people = Tracker(), People()
    tracker.push(0, [at(0, ANNA), at(100, face.embedding)])
    assert Cast([face]).look(people.update(tracker.tracks, 0)) == {1: (0,)}


class Scene:
    """Tracks and people for a cast to look at."""

    def __init__(self, *faces):
        self.cast, self.tracker, self.people = Cast(faces), Tracker(max_gap=1), People()
        self.frame = 0

    def show(self, *detections, cut=False):
        if cut:
            self.tracker.cut()
            self.people.cut()
        self.tracker.push(self.frame, detections)
        in_view = self.people.update(self.tracker.tracks, self.frame)
        self.frame += 1
        return self.cast.look(in_view)


def test_the_largest_is_followed_and_edited_again():
    scene = Scene(Largest())
    assert scene.show(at(0, ANNA, 50), at(200, BEN, 60)) == {1: (0,)}
    assert scene.show(at(0, ANNA, 90), at(200, BEN, 60)) == {1: (0,)}
    assert scene.show(at(0, ANNA, 90), cut=True) == {0: (0,)}
    assert scene.show(at(0, ANNA, 90), at(200, BEN, 60), cut=True) == {0: (0,), 1: (0,)}


def test_numbers_pictures_and_all_may_be_asked_for_together():
    scene = Scene(Numbered(2), Everyone(), Resembling("ben.jpg", BEN))
    assert scene.show(at(0, ANNA), at(200, BEN)) == {0: (1,), 1: (0, 1, 2)}
    assert scene.show(at(0, BEN), cut=True) == {1: (0, 1, 2)}


def test_nobody_is_taken_for_who_does_not_look_like_the_picture():
    scene = Scene(Resembling("ben.jpg", BEN))
    assert scene.show(at(0, ANNA)) == {}


def test_what_is_missing_is_said_of_numbers_and_pictures_only(tmp_path):
    assert Largest().missing(tmp_path) is None and Everyone().missing(tmp_path) is None
    assert "no face 3" in Numbered(3).missing(tmp_path)
    assert "ben.jpg" in Resembling("ben.jpg", BEN).missing(tmp_path)
