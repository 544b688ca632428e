"""``videoinv models`` on the real catalog and its smallest files."""

import argparse
from pathlib import Path

import pytest

from pipelines import models
from videoinv.checkpoints.catalog import load_catalog
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError, FetchError


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())
    args = parser.parse_args(["models", *words])
    return args.run(args)


@pytest.fixture
def yunet() -> Path:
    """The detector's file, from the user's own cache."""
    return fetch("yunet")


@pytest.fixture
def cache(yunet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIDEOINV_CACHE", str(tmp_path))
    return tmp_path


def test_list_shows_every_file_and_its_terms(cache, capsys):
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    for entry in load_catalog().values():
        line = next(line for line in lines if line.split()[:1] == [entry.name])
        assert entry.terms in line
        assert "cached" not in line


def test_install_takes_a_file_handed_over(cache, yunet, capsys):
    assert run("install", "yunet", "--file", str(yunet)) == 0
    assert (cache / "yunet.onnx").read_bytes() == yunet.read_bytes()
    capsys.readouterr()
    run("list")
    assert "cached" in next(
        x for x in capsys.readouterr().out.splitlines() if x.startswith("yunet ")
    )


def test_install_refuses_another_file_and_keeps_nothing(cache, yunet):
    with pytest.raises(FetchError, match="lpips-alexnet: truncated"):
        run("install", "lpips-alexnet", "--file", str(yunet))
    assert not any(cache.iterdir())


def test_one_file_cannot_be_handed_over_for_a_group(cache, yunet):
    with pytest.raises(BadInputError, match="give one NAME"):
        run("install", "default", "--file", str(yunet))


def test_verify_tells_intact_from_damaged(cache, yunet, capsys):
    run("install", "yunet", "--file", str(yunet))
    assert run("verify") == 0
    (cache / "yunet.onnx").write_bytes(bytes(232_589))
    assert run("verify") == 1
    assert "FAILED  yunet: wrong digest" in capsys.readouterr().out


def test_verify_names_what_is_not_installed(cache, capsys):
    assert run("verify", "face-mesh") == 1
    assert "models install face-mesh" in capsys.readouterr().out


def test_info_says_origin_digest_and_terms(cache, capsys):
    assert run("info", "mobilestylegan-synthesis-bin") == 0
    out = capsys.readouterr().out
    for word in ("random_face 2021.7.21.1", "c7da15fa22d5", "non-commercial", "not installed"):
        assert word in out


def test_an_unknown_name(cache):
    with pytest.raises(BadInputError, match="did you mean yunet"):
        run("install", "yunett")
