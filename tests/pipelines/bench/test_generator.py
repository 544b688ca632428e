"""``videoinv bench generator`` at a small size: the report and the agreement, not the times."""

import argparse
import json

import pytest

from pipelines.bench import generator as bench_generator
from videoinv.errors import BadInputError, OutputError


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(bench_generator, "_WIDTH", 16)


def run(*arguments):
    parser = argparse.ArgumentParser()
    bench_generator.add_parser(parser.add_subparsers())
    args = parser.parse_args(["generator", "--size", "16", "--repeats", "1", *arguments])
    return args.run(args)


def test_the_report_compares_every_batch_and_dtype_and_the_feature_edit(tmp_path, capsys):
    report = tmp_path / "report.json"
    assert run("--batch", "1", "2", "--report", str(report)) == 0
    written = json.loads(report.read_text())
    rows = [(c["what"].split(",")[0], c["dtype"], c["batch"]) for c in written["comparisons"]]
    expected = [("forward", 1), ("forward", 2), ("feature edit", 1)]
    assert rows == [(w, d, b) for d in ("float32", "bfloat16") for w, b in expected]
    assert written["machine"]["threads"] >= 1
    assert len(capsys.readouterr().out.splitlines()) == len(rows)


def test_bad_places_and_devices_are_told_before_the_work(tmp_path, capsys):
    with pytest.raises(BadInputError, match="device 'abacus' is not there"):
        run("--device", "abacus")
    with pytest.raises(OutputError, match="there is no folder"):
        run("--report", str(tmp_path / "none" / "report.json"))
    assert capsys.readouterr().out == ""


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        run("--batch", "1", "--dtype", "float32", "--report", str(tmp_path / "report.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_generator_measured_has_the_published_widths(monkeypatch):
    monkeypatch.undo()
    generator = bench_generator.random_generator(256)
    sides = [generator.feature_shape(layer)[:2] for layer in range(0, generator.layers, 2)]
    assert sides == [(512, 4), (512, 8), (512, 16), (512, 32), (512, 64), (256, 128), (128, 256)]


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("bfloat16", 0.1)])
def test_both_sides_compute_the_same_images(tmp_path, dtype, bound):
    report = tmp_path / "report.json"
    run("--batch", "2", "--dtype", dtype, "--report", str(report))
    for comparison in json.loads(report.read_text())["comparisons"]:
        assert comparison["difference"] < bound
        assert comparison["ours_s"] > 0
        assert comparison["speedup"] > 0
