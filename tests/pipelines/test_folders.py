"""Folders for results, and what is not overwritten."""

import pytest

from pipelines.folders import PlaceError, folders_made, make_folder, names_folder, require_apart
from videoinv.errors import OutputError


def test_folders_are_made_and_those_that_stay_empty_go_again(tmp_path):
    full, empty = tmp_path / "a" / "full", tmp_path / "a" / "b" / "empty"
    (tmp_path / "old").mkdir()
    with folders_made([full, empty, tmp_path / "old", full]):
        (full / "result").touch()
        assert empty.is_dir()
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert names == ["a", "a/full", "a/full/result", "old"]
    with pytest.raises(KeyboardInterrupt), folders_made([empty]):
        raise KeyboardInterrupt
    assert not empty.parent.exists()


def test_a_place_is_a_mistake_of_the_caller_and_an_error_of_the_output(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match="it is a file") as caught:
        make_folder(tmp_path / "file")
    assert isinstance(caught.value, OutputError) and caught.value.exit_code == 2


def test_a_folder_is_there_or_ends_with_a_slash(tmp_path):
    assert names_folder(tmp_path) and names_folder("new/")
    assert not names_folder("new") and not names_folder(tmp_path / "new")


def test_files_that_are_not_there_yet_are_told_apart_by_where_they_would_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_apart([("a", tmp_path / "x"), ("b", None), ("c", tmp_path / "y"), ("d", None)])
    with pytest.raises(PlaceError, match=r"c .*x: that is a, too"):
        require_apart([("a", tmp_path / "x"), ("c", tmp_path / "new" / ".." / "x")])
