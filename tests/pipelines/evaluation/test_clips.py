"""Which clips a command line means."""

from pathlib import Path

import pytest

from pipelines.evaluation.clips import clips_to_score
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError


def test_files_folders_and_names_of_the_catalog(tmp_path):
    for name in ("b.mp4", "a.mov", "notes.txt"):
        (tmp_path / name).touch()
    found = clips_to_score([Path("clip-webcam-smile"), tmp_path])
    assert found == [fetch("clip-webcam-smile"), tmp_path / "a.mov", tmp_path / "b.mp4"]
    assert clips_to_score([tmp_path / "*.mp4", tmp_path / "b.mp4"]) == [tmp_path / "b.mp4"]


def test_what_is_not_there_is_named_with_what_the_catalog_has(tmp_path):
    with pytest.raises(
        BadInputError, match=r"clip-frank: no such .*clip-webcam-smile.*clip-franck"
    ):
        clips_to_score([Path("clip-frank")])


def test_a_film_of_pictures_is_refused(tmp_path):
    (tmp_path / "shot_1.png").touch()
    for path in (tmp_path, tmp_path / "shot_%d.png"):
        with pytest.raises(BadInputError, match="film of pictures; what is scored is a video"):
            clips_to_score([path])


def test_two_clips_of_one_name_would_be_one_result(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").touch()
    with pytest.raises(BadInputError, match="would have results of one name"):
        clips_to_score([tmp_path / "a", tmp_path / "b"])
