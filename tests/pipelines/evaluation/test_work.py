"""Tasks here and on Ray."""

import sys
from dataclasses import replace

import pytest

from pipelines import model_options
from pipelines.edit import EditSettings
from pipelines.evaluation import work
from pipelines.evaluation.evaluation import Evaluation
from pipelines.evaluation.work import Job, Task, Worker, run_tasks
from pipelines.model_options import ModelChoice
from videoinv.errors import BadInputError, MissingExtraError

JOB = Job(
    ModelChoice(encoder="optimize", device="cpu"),
    settings=EditSettings(steps=1, side_by_side=False),
)


def test_a_missing_ray_is_named_with_its_install_line(short_clip, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'videoinv\[ray\]'"):
        run_tasks([Task("a", short_clip, JOB)], tmp_path, "local")


def test_ray_gives_the_same_scores(short_clip, tmp_path):
    pytest.importorskip("ray")
    tasks = [Task("a", short_clip, JOB), Task("b", tmp_path / "broken.mp4", JOB)]
    tasks[1].clip.write_text("no video")
    here = run_tasks(tasks, tmp_path / "here")
    there = run_tasks(tasks, tmp_path / "there", "local")
    assert here.broken == there.broken
    assert list(here.broken) == ["b"]
    for ours, theirs in zip(
        here.evaluations["a"].tracks, there.evaluations["a"].tracks, strict=True
    ):
        known, expected = (_known(track.scores.as_dict()) for track in (ours, theirs))
        assert known == pytest.approx(expected, rel=1e-3, abs=1e-5)


def _known(scores):
    return {name: value for name, value in scores.items() if value is not None}


def test_a_wrong_model_is_no_broken_clip(short_clip):
    with pytest.raises(BadInputError, match="magic"):
        Worker().work(Task("a", short_clip, Job(ModelChoice(encoder="magic"))))
    with pytest.raises(BadInputError, match="smlie"):
        Worker().work(Task("a", short_clip, Job(JOB.model, ("smlie=1",))))


def test_what_is_done_is_done_again_only_in_another_way(short_clip, tmp_path, monkeypatch):
    made = []

    def made_at_once(editor, clip, edits, networks, *, frames):
        made.append(str(edits[0]))
        return Evaluation(clip.name, ())

    monkeypatch.setattr(work, "evaluate_clip", made_at_once)
    for edit in ("smile=1", "smile=1", "smile=2"):
        outcome = run_tasks([Task("a", short_clip, replace(JOB, edits=(edit,)))], tmp_path)
        assert list(outcome.evaluations) == ["a"]
    assert made == ["smile=1", "smile=2"]


def test_a_result_belongs_to_its_settings_and_clip(short_clip, tmp_path):
    task = Task("a", short_clip, JOB)
    assert task.fingerprint == Task("b", short_clip, JOB).fingerprint
    other = tmp_path / short_clip.name
    other.write_bytes(short_clip.read_bytes() + b" ")
    encoder = tmp_path / "encoder.safetensors"
    fingerprints = {task.fingerprint, Task("a", other, JOB).fingerprint}
    for content in (b"1", b"2"):
        encoder.write_bytes(content)
        job = Job(ModelChoice(encoder=str(encoder)))
        fingerprints.add(Task("a", short_clip, job).fingerprint)
    fingerprints.add(Task("a", short_clip, Job(JOB.model, settings=EditSettings())).fingerprint)
    assert len(fingerprints) == 5


def test_a_result_belongs_to_what_the_files_of_directions_hold(short_clip, tmp_path, monkeypatch):
    fingerprints, own = set(), tmp_path / "own.npy"
    for content in (b"1", b"2"):
        own.write_bytes(content)
        fingerprints.add(Task("a", short_clip, Job(edits=(f"{own}=2",))).fingerprint)
        monkeypatch.setattr(work, "DEFAULT_FILE", own)
        fingerprints.add(Task("a", short_clip, Job(edits=("smile=2",))).fingerprint)
    assert len(fingerprints) == 4


def test_an_encoder_that_ships_counts_by_its_weights(short_clip, tmp_path, monkeypatch):
    weights, fingerprints = tmp_path / "weights.safetensors", set()
    monkeypatch.setattr(model_options, "encoder_file", lambda name: weights)
    for content in (b"1", b"2"):
        weights.write_bytes(content)
        fingerprints |= {
            Task("a", short_clip, Job(ModelChoice(encoder=e))).fingerprint
            for e in (None, "e2style")
        }
    assert len(fingerprints) == 2
