"""The table and the graph of ``videoinv bench inversion``, in small."""

import csv
import json

import cv2
import pytest

from pipelines.cli import main
from pipelines.clip_faces import clip_faces
from pipelines.quality_time import Line, Point, draw
from videoinv.checkpoints.fetch import fetch


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    photos = tmp_path_factory.mktemp("photos")
    face = clip_faces(fetch("clip-webcam-smile"), 256, most=1)[0]
    cv2.imwrite(str(photos / "face.png"), cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
    files = [folder / "table.csv", folder / "table.json", folder / "graph.png"]
    options = ["--csv", files[0], "--json", files[1], "--graph", files[2]]
    command = ["bench", "inversion", photos, "--budgets", "1", "3"]
    assert main([str(part) for part in [*command, "--encoders", "feature-style", *options]]) == 0
    return files


def test_the_same_rows_in_both_files(table):
    with table[0].open() as file:
        names = [row["name"] for row in csv.DictReader(file)]
    content = json.loads(table[1].read_text())
    assert [row["name"] for row in content["rows"]] == names
    assert {"mean face", "feature-style", "optimisation, 3 steps"} < set(names)
    assert "feature-style, then 5 steps" in names


def test_what_has_seen_the_face_is_nearer_to_it_than_the_mean(table):
    scores = {r["name"]: r["scores"]["lpips"] for r in json.loads(table[1].read_text())["rows"]}
    assert scores["feature-style"] < scores["feature-style, codes alone"] < scores["mean face"]
    assert scores["feature-style, then 10 steps"] < scores["feature-style"]


def test_the_graph_has_a_line_for_each_family(table, tmp_path):
    picture = cv2.imread(str(table[2]))
    assert picture is not None and picture.shape[1] == 960
    path = tmp_path / "two.png"
    draw(path, [Line("a", (Point(1, 0.5), Point(10, 0.1))), Line("b", (Point(2, 0.3),))], "two")
    colours = set(map(tuple, cv2.imread(str(path)).reshape(-1, 3).tolist()))
    assert {(180, 119, 31), (14, 127, 255)} < colours  # the first two of Matplotlib's cycle
