from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videoinv.checkpoints.cache import CHOOSE_CACHE, atomic_path, cache_dir, write_path
from videoinv.errors import OutputError


def test_the_file_appears_only_when_complete(tmp_path: Path):
    target = tmp_path / "weights.bin"
    with atomic_path(target) as part:
        part.write_bytes(b"new")
        assert part.suffix == ".bin"
        assert part.parent == tmp_path
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_keeps_the_old_file_and_leaves_nothing(tmp_path: Path):
    target = tmp_path / "weights.bin"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_keeps_a_file_from_being_written_is_one_clear_error(tmp_path: Path):
    target = tmp_path / "absent" / "weights.safetensors"
    message = r"weights\.safetensors: the weights cannot be written \(.*\): free some space"
    with pytest.raises(OutputError, match=message), write_path(target, "the weights") as part:
        save_file({"w": torch.zeros(2)}, part)  # its error is no OSError
    with (
        pytest.raises(OutputError, match="set VIDEOINV_CACHE"),
        write_path(target, "the weights", CHOOSE_CACHE) as part,
    ):
        part.write_bytes(b"new")
    with pytest.raises(ZeroDivisionError), write_path(tmp_path / "w", "the weights") as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_the_folder_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VIDEOINV_CACHE", str(tmp_path / "a" / "b"))
    assert cache_dir() == tmp_path / "a" / "b"
    assert cache_dir().is_dir()


def test_a_folder_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIDEOINV_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="set VIDEOINV_CACHE"):
        cache_dir()
