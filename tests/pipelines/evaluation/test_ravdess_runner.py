"""RAVDESS end to end on a generated tree: real clips under RAVDESS names."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from pipelines.cli import main
from pipelines.evaluation import work
from pipelines.evaluation.inversion import INVERSION

GOOD = ("02-01-01-01-01-01-01", "02-01-03-01-01-01-02")
BROKEN = "02-01-05-01-01-01-03"
NOT_CHOSEN = ("01-01-01-01-01-01-01", "02-01-04-01-01-01-01", "02-02-03-01-01-01-02")
OPTIONS = ("--encoder", "optimize", "--steps", "1", "--device", "cpu")


@pytest.fixture
def tree(tmp_path, short_clip):
    """Two files of the 120, a broken one, three that are not among them, and a sound file."""
    for name in (*GOOD, *NOT_CHOSEN, BROKEN):
        path = tmp_path / "ravdess" / f"Actor_{name[-2:]}" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(short_clip, path)
    path.write_bytes(short_clip.read_bytes()[:2000])
    return tmp_path / "ravdess"


def evaluate(tree):
    output = tree.parent / "out"
    return main(["evaluate", "ravdess", str(tree), "-o", str(output), *OPTIONS]), output


def test_killed_and_resumed(tree, capsys, monkeypatch):
    """The kill comes in the second clip; the first is not done again."""
    real, seen = work.evaluate_clip, []

    def killed_in_the_second(editor, clip, *rest, **more):
        seen.append(clip.stem)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(editor, clip, *rest, **more)

    monkeypatch.setattr(work, "evaluate_clip", killed_in_the_second)
    code, output = evaluate(tree)
    assert code == 130
    assert [path.stem for path in (output / "results").iterdir()] == [GOOD[0]]
    assert not (output / "report.html").exists()

    code, output = evaluate(tree)
    assert code == 0
    assert seen == [GOOD[0], GOOD[1], GOOD[1], BROKEN]
    said = capsys.readouterr().err
    assert f"skipped {BROKEN}" in said and "2 scored, 1 skipped" in said
    check_report(output)

    code, _ = evaluate(tree)
    assert (code, seen[4:]) == (0, [BROKEN])


def check_report(output):
    html = (output / "report.html").read_text()
    assert "Feature-Style" in html and "published" in html and "measured here" in html
    assert "26.64" in html and "0.895" in html
    assert BROKEN in html and "Not in the folder" in html
    assert not any(name in html for name in NOT_CHOSEN)
    rows = list(csv.DictReader((output / "clips.csv").open()))
    assert [(row["key"], row["track"]) for row in rows[::3]] == [(g, INVERSION) for g in GOOD]
    table = json.loads((output / "report.json").read_text())["tables"][0]
    assert [row["labels"][1] for row in table["rows"]] == ["published"] * 5 + ["measured here"]


def test_only_broken_files_is_an_error(tree, capsys):
    for name in GOOD:
        (tree / f"Actor_{name[-2:]}" / f"{name}.mp4").write_text("<html>not found</html>")
    code, output = evaluate(tree)
    assert code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in (*GOOD, BROKEN)) and "nothing could be evaluated" in said
    assert not (output / "report.html").exists()


@pytest.mark.slow
def test_killed_by_the_system_and_resumed(tree):
    """A real kill, in the middle of whatever it was doing."""
    output = tree.parent / "out"
    run = [sys.executable, "-m", "pipelines.cli", "evaluate", "ravdess", str(tree)]
    process = subprocess.Popen([*run, "-o", str(output), *OPTIONS])
    first = output / "results" / f"{GOOD[0]}.json"
    deadline = time.monotonic() + 600
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made = first.stat().st_mtime_ns
    code, _ = evaluate(tree)
    assert (code, first.stat().st_mtime_ns) == (0, made)
    check_report(output)
