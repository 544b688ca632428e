"""``videoinv models convert`` from the arguments to the file."""

import argparse
from pathlib import Path

import pytest

from pipelines import convert
from videoinv.errors import BadInputError, CheckpointError, OutputError
from videoinv.published.load import load_model

from ..parity import official, published


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    convert.add_parser(parser.add_subparsers())
    args = parser.parse_args(["convert", *map(str, arguments)])
    return args.run(args)


def test_a_published_file_becomes_one_safetensors(tmp_path: Path, capsys) -> None:
    source = official.psp_family(tmp_path / "m.pt", "e4e", published.SMALL)
    target = tmp_path / "e4e.safetensors"
    assert run(source, "-o", target) == 0
    assert "system      e4e" in capsys.readouterr().out
    assert load_model(target, device="cpu").info.system == "e4e"


def test_nothing_is_left_of_a_refused_source(tmp_path: Path) -> None:
    source = tmp_path / "page.pt"
    source.write_text("<!doctype html>")
    with pytest.raises(CheckpointError, match="web page"):
        run(source, "-o", tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == [source]


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    source = official.psp_family(tmp_path / "m.pt", "psp", published.SMALL)
    before = source.read_bytes()
    (tmp_path / "link.pt").symlink_to(source)
    for options in ((source, "-o", tmp_path / "link.pt"), ("x", "--encoder", source, "-o", source)):
        with pytest.raises(BadInputError, match="the input itself"):
            run(*options)
    assert source.read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    source = official.psp_family(tmp_path / "m.pt", "psp", published.SMALL)
    with pytest.raises(OutputError, match="cannot be written"):
        run(source, "-o", tmp_path / "absent" / "out.safetensors")
