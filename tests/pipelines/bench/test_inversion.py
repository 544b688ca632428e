"""The table and the graph of ``videoinv bench inversion``, in small."""

import csv
import json
import math
from dataclasses import fields
from itertools import pairwise

import cv2
import pytest

from pipelines.bench.inversion_table import (
    OPTIMISATION,
    Edited,
    Face,
    Row,
    against_optimisation,
    common,
    seconds_for,
    write_csv,
    write_json,
)
from pipelines.bench.quality_time import Line, Point, draw
from pipelines.cli import main
from pipelines.clip_faces import clip_faces
from pipelines.evaluation.scores import ClipScores
from pipelines.evaluation.tradeoff import Smoothed, draw_tradeoff
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import OutputError
from videoinv.metrics.reconstruction import Scores
from videoinv.metrics.referee import SAME_PERSON

LOOKS = tuple(f"feature-style, {look} of 4" for look in range(1, 5))
SCORES = ClipScores(**dict.fromkeys([field.name for field in fields(ClipScores)], 1))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    face = clip_faces(fetch("clip-webcam-smile"), 256, most=1)[0]
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(folder / name), cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory, photos):
    folder = tmp_path_factory.mktemp("bench")
    files = [folder / "table.csv", folder / "table.json", folder / "graph.png"]
    options = ["--csv", files[0], "--json", files[1], "--graph", files[2]]
    command = ["bench", "inversion", photos, "--few", 1, "--strength", 1, 2, "--budgets", 1, 3]
    assert main([str(part) for part in [*command, "--encoders", "feature-style", *options]]) == 0
    return files


def test_the_same_rows_in_both_files(table):
    with table[0].open() as file:
        names = [row["name"] for row in csv.DictReader(file)]
    content = json.loads(table[1].read_text())
    assert [row["name"] for row in content["rows"]] == names
    assert {"mean face", *LOOKS, "optimisation, 3 steps"} < set(names)
    assert names[-1] == "optimisation of codes alone, 3 steps"
    assert "feature-style, then 5 steps" in names


def test_the_referee_has_a_column(table, tmp_path, capsys, photos):
    pytest.importorskip("dlib")
    path = tmp_path / "table.json"
    command = ["bench", "inversion", photos, "--count", 1, "--budgets", "--encoders"]
    command += ["feature-style", "--strength", 1, "--referee", "--json", path]
    assert main([str(part) for part in command]) == 0
    rows = {row["name"]: row["distance"] for row in json.loads(path.read_text())["rows"]}
    assert rows["feature-style, 4 of 4"] < SAME_PERSON < rows["mean face"]
    assert "identity distance" in capsys.readouterr().out
    assert "distance" not in json.loads(table[1].read_text())["rows"][0]


def test_what_is_slow_is_measured_on_few_faces(table):
    faces = {row["name"]: row["faces"] for row in json.loads(table[1].read_text())["rows"]}
    assert faces[LOOKS[-1]] == faces["mean face"] == 2
    assert faces["feature-style, then 5 steps"] == faces["optimisation, 3 steps"] == 1


def test_no_faces_are_too_few(tmp_path, capsys):
    assert main(["bench", "inversion", str(tmp_path), "--few", "0"]) == 2
    assert "--few is 0; allowed are 1 and more" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path, capsys):
    nowhere = str(tmp_path / "none" / "table.csv")
    for option in ("--csv", "--json", "--graph"):
        assert main(["bench", "inversion", str(tmp_path), option, nowhere]) == 2
        assert "there is no folder" in capsys.readouterr().err


def test_no_face_and_no_other_result_is_overwritten(tmp_path, capsys):
    face, table = tmp_path / "face.png", str(tmp_path / "table.csv")
    face.touch()
    assert main(["bench", "inversion", str(tmp_path), "--graph", str(face)]) == 2
    assert "the input itself" in capsys.readouterr().err
    assert main(["bench", "inversion", str(tmp_path), "--csv", table, "--json", table]) == 2
    assert "--csv, too" in capsys.readouterr().err


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_csv(path, [row_of("a", "", 0.1)]),
        lambda path: write_json(path, {}, [row_of("a", "", 0.1)]),
        lambda path: draw(path, [Line("a", (Point(1, 0.5),))], "one"),
        lambda path: draw_tradeoff(path, [Smoothed("a", "off", SCORES)], "one"),
    ],
    ids=["csv", "json", "graph", "tradeoff"],
)
def test_a_place_that_cannot_be_written_is_one_sentence(write, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match=r"taken: the .* cannot be written"):
        write(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_what_has_seen_the_face_is_nearer_to_it_than_the_mean(table):
    scores = {r["name"]: r["lpips"] for r in json.loads(table[1].read_text())["rows"]}
    names = ("mean face", "feature-style, codes alone", *LOOKS, "feature-style, then 10 steps")
    assert all(scores[worse] > scores[better] for worse, better in pairwise(names))


def test_what_the_papers_show_to_be_worse_than_restyle_is_worse(photos, tmp_path):
    path = tmp_path / "table.json"
    command = ["bench", "inversion", photos, "--count", 1, "--budgets", "--encoders", "restyle"]
    assert main([str(part) for part in [*command, "--json", path]]) == 0
    rows = {row["name"]: row for row in json.loads(path.read_text())["rows"]}
    best = rows["restyle, 3 of 3"]
    for worse in ("restyle, fed its own image twice", "restyle, no residuals"):
        assert rows[worse]["lpips"] > best["lpips"]
        assert rows[worse]["identity"] < best["identity"]


def test_an_edit_has_a_column_for_each_strength(table):
    rows = {r["name"]: r for r in json.loads(table[1].read_text())["rows"]}
    row = rows[LOOKS[-1]]
    assert row["change at 2"] > row["change at 1"] > 0.2
    assert row["kept at 2"] < row["kept at 1"]
    with table[0].open() as file:
        line = next(row for row in csv.DictReader(file) if row["name"] == LOOKS[-1])
    assert float(line["change at 2"]) == pytest.approx(row["change at 2"])


def test_a_row_is_the_mean_of_its_faces(table):
    row = {r["name"]: r for r in json.loads(table[1].read_text())["rows"]}[LOOKS[-1]]
    one, two = row["each"]
    assert one["scores"]["lpips"] == pytest.approx(two["scores"]["lpips"])  # the same face twice
    assert row["lpips"] == pytest.approx(one["scores"]["lpips"])
    assert [edit["strength"] for edit in one["edits"]] == [1, 2]


def test_time_for_a_score_is_read_between_the_points():
    curve = (Point(1, 0.4), Point(4, 0.2), Point(16, 0.1))
    assert seconds_for(curve, 0.3) == pytest.approx(2)
    assert seconds_for(curve, 0.1) == pytest.approx(16)
    assert math.isinf(seconds_for(curve, 0.05))
    assert math.isnan(seconds_for(curve, 0.5))


def row_of(name, family, *lpips, seconds=1.0, change=1.0):
    edits = (Edited(2, change, 0.5),)
    scores = [Scores(lpips=each, mse=0.1, psnr=10, ssim=0.5, identity=0.5) for each in lpips]
    return Row(name, family, tuple(Face(each, seconds, edits) for each in scores))


def test_encoders_are_held_against_optimisation():
    rows = [
        row_of("mean", "", 0.5, seconds=0.1, change=3),
        row_of("one", "one", 0.3, seconds=0.1, change=1),
        row_of("one, then 5 steps", f"one, then {OPTIMISATION}", 0.1, seconds=3, change=1),
        row_of("10", OPTIMISATION, 0.4, seconds=1, change=1.5),
        row_of("40", OPTIMISATION, 0.2, seconds=4, change=2),
    ]
    assert list(against_optimisation(rows)) == [
        "one: optimisation takes 20 times as long for LPIPS 0.300; 0.50 of its change at +2"
    ]
    assert list(against_optimisation(rows[:3])) == []


def test_rows_are_compared_on_the_faces_that_all_have():
    many = row_of("one", "one", 0.3, 0.9, 0.9, seconds=0.1, change=1)
    few = [row_of(n, OPTIMISATION, x, seconds=s) for n, x, s in (("10", 0.4, 1), ("40", 0.2, 4))]
    (sentence,) = against_optimisation([many, *few])
    assert "20 times as long for LPIPS 0.300" in sentence
    assert [row.faces for row in common([many, *few])] == [1, 1, 1]
    assert common([]) == []


def test_an_attribute_that_was_not_found_is_left_out_of_the_mean():
    known, unknown = row_of("a", "", 0.1, change=2.0), row_of("a", "", 0.1, change=math.nan)
    assert Row("a", "", known.each + unknown.each).edits == (Edited(2, 2.0, 0.5),)


def test_the_graph_has_a_line_for_each_family(table, tmp_path):
    picture = cv2.imread(str(table[2]))
    assert picture is not None and picture.shape[1] == 960
    path = tmp_path / "two.png"
    draw(path, [Line("a", (Point(1, 0.5), Point(10, 0.1))), Line("b", (Point(2, 0.3),))], "two")
    colours = set(map(tuple, cv2.imread(str(path)).reshape(-1, 3).tolist()))
    assert {(180, 119, 31), (14, 127, 255)} < colours  # the first two of Matplotlib's cycle
