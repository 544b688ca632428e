"""Many clips: which they are, where their results go, and what becomes of a bad one."""

import json
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipelines.cache.analysis import Keep
from pipelines.edit_jobs import ClipJob, Destination, plan
from pipelines.edit_many import EditOrder, edit_clips
from pipelines.edit_settings import EditSettings
from pipelines.media import VideoReader, VideoWriter
from pipelines.media.videos import find_clips
from pipelines.model_options import ModelChoice
from pipelines.ray_runner import Lost, spread
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError, MissingExtraError, OutputError

# An encoder that gives the same bytes each time, however its threads are timed.
ORDER = EditOrder(
    ModelChoice(encoder="optimize", device="cpu"),
    EditSettings(size=256, steps=1, codec="mpeg4"),
    face=None,
    edits=("smile=2",),
    threads=1,
)


@pytest.fixture
def folder(tmp_path):
    """Two videos, a letter, and pictures in a folder of their own."""
    for name in ("b.mp4", "a.MOV", "letter.txt", "film/1.png", "film/2.png", "empty/x.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_files_folders_patterns_and_films_of_pictures_are_clips(folder):
    a, b = folder / "a.MOV", folder / "b.mp4"
    assert find_clips([str(folder)]) == [a, b]
    assert find_clips([str(b), str(folder), str(folder / "*.mp4")]) == [b, a]
    assert find_clips([str(folder / "film"), str(a)]) == [folder / "film", a]
    assert find_clips([str(folder / "film" / "*.png")]) == [folder / "film" / "*.png"]
    assert find_clips([str(folder / "none.mp4")]) == [folder / "none.mp4"]


@pytest.mark.parametrize(
    ("sources", "words"),
    [(["empty"], "holds no video"), (["*.webm"], "names no video"), (["b.mp4", "c/b.mov"], "one")],
)
def test_sources_that_are_no_clips_are_refused(folder, sources, words):
    with pytest.raises(BadInputError, match=words):
        find_clips([str(folder / source) for source in sources])


def test_one_clip_goes_into_files_and_several_into_folders(folder):
    out, reports = folder / "out", folder / "reports"
    to = Destination(out, reports, cache=folder / "kept")
    keep = Keep(folder / "kept")
    assert plan([str(folder / "b.mp4")], to) == [
        ClipJob(folder / "b.mp4", out, reports, None, keep)
    ]
    assert not out.exists()
    jobs = plan([str(folder / "b.mp4"), str(folder / "film")], to)
    assert [job.output for job in jobs] == [out / "b.mp4", out / "film.mp4"]
    assert [job.report for job in jobs] == [reports / "b.json", reports / "film.json"]
    assert out.is_dir() and reports.is_dir()
    beside = plan([str(folder)], Destination(out))
    assert [job.keep.folder for job in beside] == [out / "a.videoinv", out / "b.videoinv"]
    assert plan([str(folder)], Destination(out, keeps=False))[0].keep is None


def test_a_place_that_is_not_there_is_told_before_the_work(folder):
    with pytest.raises(OutputError, match="no folder"):
        plan([str(folder / "b.mp4")], Destination(folder / "nowhere" / "out.mp4"))
    with pytest.raises(OutputError, match="cannot be made"):
        plan([str(folder)], Destination(folder / "letter.txt"))


def short_clips(folder):
    """Two frames each of one real person, at two qualities, and a letter that claims to be one."""
    reader = VideoReader(fetch("clip-webcam-smile"))
    for name, crf in (("a.mp4", 12), ("c.mp4", 20)):
        with VideoWriter(folder / name, reader, crf=crf) as writer:
            for frame in reader.frames(stop=Fraction(2, 30)):
                writer.write(frame)
    (folder / "b.mp4").write_text("Dear Sir or Madam,")


def test_a_bad_clip_does_not_stop_the_others(tmp_path, capsys):
    short_clips(tmp_path)
    to = Destination(tmp_path / "out", tmp_path / "reports", keeps=False)
    assert edit_clips(ORDER, plan([str(tmp_path)], to)) == 2
    assert sorted(path.name for path in to.output.iterdir()) == ["a.mp4", "c.mp4"]
    assert json.loads((to.report / "c.json").read_text())["faces"] == 2
    said = capsys.readouterr().err
    assert "b.mp4: not a video" in said and said.count("2 edited") == 2


def test_a_film_without_people_has_no_sheet_and_says_so(tmp_path, capsys):
    source = VideoReader(fetch("clip-webcam-smile"))
    with VideoWriter(tmp_path / "in.mp4", source) as writer:
        for frame in source.frames(stop=Fraction(2, 30)):
            writer.write(replace(frame, image=np.full_like(frame.image, 90)))
    to = Destination(tmp_path / "o.mp4", tmp_path / "o.json", tmp_path / "o.png", keeps=False)
    assert edit_clips(ORDER, plan([str(tmp_path / "in.mp4")], to)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "o.json", "o.mp4"]
    (remark,) = json.loads(to.report.read_text())["remarks"]
    assert remark.endswith("o.png was not written: nobody was edited")
    said = capsys.readouterr().err
    assert remark in said and "2 passed through" in said


def test_ray_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'videoinv\[ray\]'"):
        list(spread(Echo, [1], "local"))


class Echo:
    """A worker that dies of one of its items."""

    def work(self, item):
        if item == "poison":
            import os

            os._exit(1)
        return item


@pytest.mark.slow
def test_ray_gives_the_files_that_the_plain_command_gives(tmp_path):
    pytest.importorskip("ray")
    short_clips(tmp_path)
    plain, spread_out = (
        Destination(tmp_path / name, tmp_path / f"{name}-reports", keeps=False)
        for name in ("plain", "ray")
    )
    assert edit_clips(ORDER, plan([str(tmp_path)], plain)) == 2
    assert edit_clips(ORDER, plan([str(tmp_path)], spread_out), "local") == 2
    for name in ("a.mp4", "c.mp4"):
        assert (plain.output / name).read_bytes() == (spread_out.output / name).read_bytes()
    assert (tmp_path / "ray-reports" / "c.json").is_file()


@pytest.mark.slow
def test_an_item_that_kills_its_worker_is_given_up_and_the_others_are_done():
    pytest.importorskip("ray")
    results = dict(spread(Echo, ["one", "poison", "two"], "local"))
    assert (results["one"], results["two"]) == ("one", "two")
    assert isinstance(results["poison"], Lost)
