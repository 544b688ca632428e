"""Which clips a command line means."""

from pathlib import Path

import pytest

from pipelines.evaluation.clips import find_clips
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError


def test_files_folders_and_names_of_the_catalog(tmp_path):
    for name in ("b.mp4", "a.mov", "notes.txt"):
        (tmp_path / name).touch()
    found = find_clips([Path("clip-webcam-smile"), tmp_path])
    assert found == [fetch("clip-webcam-smile"), tmp_path / "a.mov", tmp_path / "b.mp4"]


def test_what_is_not_there_is_named_with_what_the_catalog_has(tmp_path):
    with pytest.raises(
        BadInputError, match=r"clip-frank: no such .*clip-webcam-smile.*clip-franck"
    ):
        find_clips([Path("clip-frank")])


def test_two_clips_of_one_name_would_be_one_result(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").touch()
    with pytest.raises(BadInputError, match="two clips are named clip"):
        find_clips([tmp_path / "a", tmp_path / "b"])
