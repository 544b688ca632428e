"""Many clips: which they are, where their results go, and what becomes of a bad one."""

import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines import edit_many
from pipelines.cache.analysis import Keep
from pipelines.edit_jobs import ClipJob, Destination, plan
from pipelines.edit_many import EditOrder, edit_clips, tell
from pipelines.edit_settings import EditSettings
from pipelines.folders import PlaceError
from pipelines.media import VideoReader, VideoWriter
from pipelines.media.videos import find_clips
from pipelines.model_options import ModelChoice
from pipelines.ray_runner import Lost, spread
from pipelines.report import EditReport
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError, MissingExtraError
from videoinv.model import ModelInfo

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
    for name in (
        "b.mp4",
        "a.MOV",
        "._b.mp4",
        ".a.1f.part.mp4",
        "letter.txt",
        "film/1.png",
        "film/2.png",
        "empty/x.txt",
    ):
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
    keep = Keep(folder / "kept")
    assert plan([str(folder / "b.mp4")], Destination(out, reports, cache=folder / "kept")) == [
        ClipJob(folder / "b.mp4", out, reports, None, keep)
    ]
    jobs = plan([str(folder / "b.mp4"), str(folder / "film")], Destination(out, reports))
    assert [job.output for job in jobs] == [out / "b.mp4", out / "film.mp4"]
    assert [job.report for job in jobs] == [reports / "b.json", reports / "film.json"]
    beside = plan([str(folder)], Destination(out))
    assert [job.keep.folder for job in beside] == [out / "a.videoinv", out / "b.videoinv"]
    assert plan([str(folder)], Destination(out, keeps=False))[0].keep is None
    assert not out.exists()


def test_one_clip_goes_into_a_folder_that_is_named(folder):
    clip, there = folder / "b.mp4", folder / "film"
    slash = f"{folder}/new/"
    for sources, place, into in (
        ([clip], there, there),
        ([clip], slash, folder / "new"),
        ([clip, clip], slash, folder / "new"),
        ([folder / "b*.mp4"], folder / "new", folder / "new"),
    ):
        (job,) = plan([str(source) for source in sources], Destination(place, place, place))
        assert (job.output, job.report, job.sheet) == tuple(
            into / name for name in ("b.mp4", "b.json", "b.png")
        )
        assert job.keep.folder == into / "b.videoinv"
    (job,) = plan([str(there)], Destination(slash, slash))
    assert (job.output, job.report) == (folder / "new", folder / "new" / "film.json")
    (job,) = plan([str(clip)], Destination(folder / "%04d.png"))
    assert job.output == folder / "%04d.png"
    folder.joinpath("old.avi").touch()
    assert plan([str(folder / "old.avi")], Destination(slash))[0].output.name == "old.avi.mp4"


@pytest.mark.parametrize("name", ["o.mp4", "o.JSON", "o_%04d.png"])
def test_several_clips_do_not_go_into_what_is_named_as_a_file(folder, name):
    both = [str(folder / "b.mp4"), str(folder / "a.MOV")]
    for sources in (both, [str(folder)], [str(folder / "b*.mp4")]):
        with pytest.raises(BadInputError, match="need a folder"):
            plan(sources, Destination(folder / "out", folder / name))
    assert plan(both, Destination(f"{folder}/{name}/"))[0].output == folder / name / "b.mp4"
    with pytest.raises(BadInputError, match=r"\.png, \.jpg"):
        plan(both[:1], Destination(folder / "out.mp4", sheet=folder / "sheet.xyz"))


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (("b.mp4",), "output .* the input itself"),
        (("out.mp4", "b.mp4"), "--report .* the input itself"),
        (("out.mp4", "film/../b.mp4"), "--report .* the input itself"),
        (("out.mp4", "link.json"), "--report .* the input itself"),
        (("out.mp4", "anna.jpg"), "--report .* the input itself"),
        (("out.mp4", None, "anna.jpg"), "--sheet .* the input itself"),
        (("out.mp4", "smile.npy"), "--report .* the input itself"),
        (("out.mp4", "look.npy"), "--report .* the input itself"),
        (("out.mp4", "model.pt"), "--report .* the input itself"),
        (("out.mp4", "out.mp4"), "--report .* output, too"),
        (("out.mp4", "s.png", "film/../s.png"), "--sheet .* --report, too"),
        (("out.mp4", "kept", None, "kept"), "--cache .* --report, too"),
        (("out.mp4", None, None, "b.mp4"), "--cache .* the input itself"),
        (("film/out_%04d.png", None, "film/out_0001.png"), "could have that name"),
    ],
)
def test_nothing_that_is_read_or_written_is_overwritten(folder, places, words):
    for name in ("anna.jpg", "smile.npy", "look.npy", "model.pt"):
        (folder / name).touch()
    (folder / "link.json").symlink_to(folder / "letter.txt")
    (folder / "letter.txt").unlink()
    (folder / "letter.txt").hardlink_to(folder / "b.mp4")
    order = replace(
        ORDER,
        model=ModelChoice(str(folder / "model.pt")),
        edits=(f"{folder}/anna.jpg:age=1", f"{folder}/smile.npy=1", f"{folder}/look.npy=0@0s,1@2s"),
    )
    to = Destination(*(place and folder / place for place in places))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(PlaceError, match=words):
        edit_clips(order, plan([str(folder / "b.mp4"), str(folder / "b.mp4")], to))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_picture_of_the_source_is_an_input(folder):
    to = Destination(folder / "out.mp4", sheet=folder / "film" / "2.png")
    with pytest.raises(PlaceError, match="the input itself"):
        edit_clips(ORDER, plan([str(folder / "film")], to))


def test_a_place_that_cannot_be_written_is_told_before_the_work(folder, monkeypatch):
    clip = str(folder / "b.mp4")
    with pytest.raises(PlaceError, match=r"cannot be made \(it is a file\)"):
        edit_clips(ORDER, plan([str(folder)], Destination(folder / "letter.txt")))
    report = folder / "letter.txt" / "r.json"
    with pytest.raises(PlaceError, match="cannot be made"):
        edit_clips(ORDER, plan([clip], Destination(folder / "new" / "o.mp4", report)))

    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(PlaceError, match="film cannot be written to") as caught:
        edit_clips(ORDER, plan([clip], Destination(folder / "film" / "o.mp4")))
    assert caught.value.exit_code == 2
    assert not (folder / "new").exists()


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


def test_a_defect_in_one_clip_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    def edit(_worker, job):
        if job.source.stem == "a":
            raise RuntimeError("out of memory")
        report = EditReport(job.source, job.output, ModelInfo("", 0, 0, 0, "", "", ""), [])
        report.frames = 2
        return report

    short_clips(tmp_path)
    monkeypatch.setattr(edit_many.ClipWorker, "_edit", edit)
    to = Destination(tmp_path / "out", keeps=False)
    assert edit_clips(ORDER, plan([str(tmp_path)], to)) == 1
    said = capsys.readouterr().err
    assert "a.mp4: RuntimeError: out of memory" in said and "in edit" in said
    assert "c.mp4: 2 frames" in said


def test_a_film_without_people_has_no_sheet_and_says_so(tmp_path, capsys):
    source = VideoReader(fetch("clip-webcam-smile"))
    with VideoWriter(tmp_path / "in.mp4", source) as writer:
        for frame in source.frames(stop=Fraction(2, 30)):
            writer.write(replace(frame, image=np.full_like(frame.image, 90)))
    to = Destination(tmp_path / "o.mp4", tmp_path / "o.json", tmp_path / "o.png", keeps=False)
    assert edit_clips(ORDER, plan([str(tmp_path / "in.mp4")], to)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "o.json", "o.mp4"]
    remarks = json.loads(to.report.read_text())["remarks"]
    assert "--no-provenance" in remarks[0]
    assert remarks[1].endswith("o.png was not written: nobody was edited")
    said = capsys.readouterr().err
    assert all(remark in said for remark in remarks) and "2 passed through" in said


def test_one_of_a_thing_is_told_as_one_and_damage_is_told(capsys):
    info = ModelInfo("restyle-psp", 256, 14, 5, "default", "", "")
    report = EditReport(Path("in.mp4"), Path("out.mp4"), info, [])
    report.frames, report.packets_skipped = 1, 2
    tell(report)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("out.mp4: 1 frame in 0 s")
    assert said[1] == "not in the output: 2 damaged packets of the source"


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


class Broken:
    """A worker that has a defect."""

    def work(self, item):
        return 1 // item


@pytest.mark.slow
def test_a_defect_ends_the_item_that_meets_it_and_no_other():
    pytest.importorskip("ray")
    results = dict(spread(Broken, [1, 0], "local"))
    assert results[1] == 1 and "ZeroDivisionError" in results[0].why
