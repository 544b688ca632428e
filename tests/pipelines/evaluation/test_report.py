"""The report: nothing beside it, everything in it."""

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pipelines.evaluation.charts import MOST_POINTS, line_chart
from pipelines.evaluation.columns import COLUMNS, Column
from pipelines.evaluation.evaluation import Evaluation, Track
from pipelines.evaluation.exhibits import WORST, Slices, WorstFrames
from pipelines.evaluation.files import save_report
from pipelines.evaluation.networks import SIDE
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.report import Report
from pipelines.evaluation.scores import ClipScores, mean_of_clips
from pipelines.evaluation.tables import score_tables, table_2
from videoinv.faces.types import Alignment


@pytest.fixture(scope="module")
def evaluation(viewed, score):
    noise = np.random.default_rng(0).normal(scale=4, size=viewed[0][1].shape)

    def picture(index, image, view):
        return Picture(np.clip(image + noise, 0, 255).astype(np.uint8))

    scores, frames = score(viewed[:4], picture)
    worst, slices = WorstFrames(("source", "result")), Slices(("source", "result"))
    for frame, (time, image, view) in zip(frames, viewed, strict=False):
        worst.add(frame.lpips, frame.index, time, (view.seen.crop, view.seen.crop))
        slices.add(view.shot, view.grid, (Picture(image), picture(0, image, view)))
    return Evaluation(
        "a <clip> & more.mp4",
        (Track("result", scores, tuple(frames)),),
        settings={"model": "default"},
        seconds={"scoring": 1.5},
        attributes={"smile": 2.0},
        exhibits=(*slices.exhibits(), *worst.exhibits()),
        notes=("a note",),
    )


class Strict(HTMLParser):
    """Checks that tags close in order, and collects what is loaded."""

    VOID = ("meta", "img", "line", "polyline")

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attrs):
        self.loaded += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.loaded += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_is_whole_and_needs_nothing_beside_it(evaluation, tmp_path):
    ours = {"ours": evaluation.tracks[0].scores}
    tables = (table_2("Table 2", ours, "a caveat"), *score_tables([evaluation, evaluation]))
    save_report(
        tmp_path, Report("A title", tables, (evaluation,), ("Skipped x",)), {"k": evaluation}
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parser = Strict()
    parser.feed(page)
    assert parser.open == []
    assert parser.loaded and all(each.startswith("data:image/jpeg") for each in parser.loaded)
    assert not re.search(r"url\(|<script|<link|@import", page)
    for text in ("A title", "a caveat", "Skipped x", "a note", "a &lt;clip&gt; &amp; more.mp4"):
        assert text in page
    for text in ("slice through time", "seconds of scoring", "change of smile", "torch", "DIS"):
        assert text in page
    assert page.count("<svg") == 4


def test_json_and_csv_say_the_same(evaluation, tmp_path):
    save_report(tmp_path, Report("A title", ()), {"k": evaluation})
    content = json.loads((tmp_path / "report.json").read_text())
    track = content["clips"]["k"]["tracks"][0]
    assert "exhibits" not in content["clips"]["k"]
    clips = list(csv.DictReader((tmp_path / "clips.csv").open()))
    assert float(clips[0]["lpips"]) == track["scores"]["lpips"]
    frames = list(csv.DictReader((tmp_path / "frames.csv").open()))
    assert [float(row["mse"]) for row in frames] == [each["mse"] for each in track["frames"]]
    assert len(frames) == 4


def test_an_evaluation_survives_json(evaluation):
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation


def test_infinity_is_text_in_json_and_comes_back():
    names = ClipScores.__dataclass_fields__
    scores = ClipScores(**(dict.fromkeys(names) | {"frames": 1, "psnr": float("inf")}))
    evaluation = Evaluation("a", (Track("b", scores),))
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    assert Evaluation.from_json(json.loads(text)) == evaluation


def test_means_leave_out_what_is_not_known():
    names = ClipScores.__dataclass_fields__
    base = dict.fromkeys(names) | {"frames": 10, "scored": 8, "lost": 1}
    a, b = ClipScores(**(base | {"lag": 1.0, "ssim": 0.5})), ClipScores(**(base | {"ssim": 0.7}))
    mean = mean_of_clips([a, b])
    assert (mean.frames, mean.scored, mean.lost) == (20, 16, 2)
    assert (mean.lag, mean.ssim, mean.tof) == (1.0, pytest.approx(0.6), None)
    with pytest.raises(ValueError, match="no clip"):
        mean_of_clips([])


def test_every_number_has_a_column():
    shown = {column.name for column in COLUMNS} | {column.source for column in COLUMNS} - {""}
    assert shown - {""} == set(ClipScores.__dataclass_fields__)


def test_columns_show_the_source_in_brackets():
    column = Column("a", "A", "source", 2, "", power=3, source="b")
    assert column.text({"a": 0.0123, "b": 0.001}) == "12.30 (1.00)"
    assert column.text({"a": None, "b": 0.001}) == "– (1.00)"
    assert column.heading == "A ·10³"


def test_a_chart_keeps_its_peaks():
    curve = [(index / 30, 0.0) for index in range(10 * MOST_POINTS)]
    curve[1234] = (1234 / 30, 9.0)
    chart = line_chart("A & B", {"one": curve})
    points = re.search(r'points="([^"]*)"', chart)[1].split()
    assert len(points) == MOST_POINTS
    heights = [float(point.split(",")[1]) for point in points]
    assert min(heights) < sorted(heights)[1] - 50
    assert "A &amp; B" in chart
    assert line_chart("none", {"one": curve[:1]}) == ""


def test_the_worst_frames_are_kept_the_worst_first():
    worst = WorstFrames(("a",))
    crop = np.zeros((8, 8, 3), np.uint8)
    for index, badness in enumerate([0.1, 0.9, 0.3, 0.5, 0.2, 0.8]):
        worst.add(badness, index, index / 30, [crop])
    assert [each.title for each in worst.exhibits()] == [f"frame {i}" for i in (1, 5, 3, 2)]
    assert len(worst.exhibits()) == WORST


def test_a_slice_follows_slowly_and_starts_anew_with_a_shot():
    """A face that jumps to and fro: its slice stays on the picture, which does not move."""
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3)).copy()
    slices = Slices(("a",))
    for index in range(40):
        center = np.array([128.0 + 10 * (-1) ** index, 128.0])
        slices.add(0, Alignment.from_parameters(center, 100, 0, SIDE), [Picture(ramp)])
    rows = np.stack([row[0, :, 0].astype(float) for row in slices._rows])
    assert np.abs(np.diff(rows, axis=0))[10:].max() <= 4  # 20 if it followed the face
    far = Alignment.from_parameters(np.array([60.0, 128.0]), 100, 0, SIDE)
    slices.add(1, far, [Picture(ramp)])
    assert slices._rows[-1][0, SIDE // 2, 0] == pytest.approx(60, abs=1)
