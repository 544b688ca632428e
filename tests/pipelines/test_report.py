"""The report of an edit is JSON that strict readers take, on every system."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.report import EditReport
from pipelines.timing import StageTimes
from videoinv.errors import OutputError
from videoinv.model import ModelInfo


@pytest.fixture
def report():
    info = ModelInfo("restyle-psp", 256, 14, 5, "default", "", "")
    report = EditReport(Path("in.mp4"), Path("out.mp4"), info, [])
    analysis = SimpleNamespace(summary=dict, remarks=[])
    report.finish(StageTimes(), skipped=0, dropped=[], measures=None, analysis=analysis)
    return report


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def read(path):
    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def test_the_peak_memory_is_there(report, tmp_path):
    report.save(tmp_path / "report.json")
    assert 10 < read(tmp_path / "report.json")["peak_memory_mb"] < 1e6


def test_windows_does_not_say_the_peak_memory(monkeypatch, tmp_path, request):
    monkeypatch.setitem(sys.modules, "resource", None)
    request.getfixturevalue("report").save(tmp_path / "report.json")
    assert read(tmp_path / "report.json")["peak_memory_mb"] is None


def test_a_measure_that_is_no_number_does_not_spoil_the_report(report, tmp_path):
    report.measures = {"identity": {"mean": float("nan")}}
    report.save(tmp_path / "report.json")
    assert read(tmp_path / "report.json")["measures"]["identity"]["mean"] == "nan"


def test_a_report_that_cannot_be_written_is_one_sentence(report, tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError, match="the report cannot be written"):
        report.save(tmp_path / "report.json")
