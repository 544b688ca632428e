"""Settings against each other, in small."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

import videoinv
from pipelines.cli import main
from pipelines.edit import EditSettings
from pipelines.evaluation import forms
from pipelines.evaluation.comparison import comparison_table
from pipelines.evaluation.evaluation import Evaluation, Track
from pipelines.evaluation.inversion import FRAME
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.scores import ClipScores
from pipelines.evaluation.study import default_and_obvious, smoothing_points, study
from pipelines.evaluation.tradeoff import draw_tradeoff
from pipelines.evaluation.variants import Habits, habits, varied
from pipelines.evaluation.work import Job
from videoinv.editing.delta import edit_features
from videoinv.latents import Features, Latent

LAYER = 3
OPTIONS = ("--steps", "1", "--device", "cpu", "--encoders", "optimize")


class Recorder:
    """An encoder that remembers its starts and answers with codes and ΔF of its own."""

    input_size = 256

    def __init__(self, generator):
        self.starts = []
        torch.manual_seed(0)
        codes = generator.mean_codes[None] + torch.randn(1, generator.styles, 512)
        offset = 0.1 * torch.randn(1, *generator.feature_shape(LAYER))
        self.latent = Latent(codes, Features(offset, LAYER, "add"))

    def encode(self, images, start=None, steps=None):
        self.starts.append(start)
        return self.latent


@pytest.fixture
def model():
    default = videoinv.load("default", encoder="optimize", device="cpu", dtype="float32")
    return replace(default, encoder=Recorder(default.generator))


IMAGES = torch.zeros(1, 3, 256, 256)


def test_every_combination_once():
    variants = study(Job(), {"a": Habits(), "b": Habits()})
    assert len({variant.labels for variant in variants}) == len(variants) == 2 * 3 * 2 * 2
    jobs = {variant.labels: variant.job for variant in variants}
    off, strong = (jobs["a", kind, "cold", "off"].settings for kind in ("off", "strong"))
    assert (off.center_sigma, off.shape_sigma, off.code_sigma) == (0, 0, 0)
    assert strong.code_sigma == 3 * EditSettings().code_sigma
    assert jobs["b", "default", "warm", "on"].settings == EditSettings()
    assert jobs["b", "default", "warm", "on"].model.encoder == "b"
    assert not jobs["b", "default", "cold", "on"].warm
    assert not jobs["b", "default", "warm", "off"].feature_delta


def test_axes_that_make_no_difference_are_left_out():
    encoders = {"one pass": Habits(warm=False), "codes": Habits(feature_delta=False)}
    labels = [variant.labels for variant in study(Job(), encoders, ["off"])]
    assert labels == [
        ("one pass", "off", "none", "on"),
        ("one pass", "off", "none", "off"),
        ("codes", "off", "warm", "none"),
        ("codes", "off", "cold", "none"),
    ]


def test_steps_are_for_encoders_that_refine():
    encoders = {"one pass": Habits(warm=False), "refining": Habits()}
    variants = study(Job(settings=EditSettings(steps=5)), encoders, ["off"])
    steps = {(variant.labels[0], variant.job.settings.steps) for variant in variants}
    assert steps == {("one pass", None), ("refining", 5)}


def test_the_graph_has_a_point_for_each_smoothing(viewed, score, tmp_path):
    scores = score(viewed, lambda index, image, view: Picture(image))[0]
    variants = study(Job(), {"codes": Habits(feature_delta=False)})
    clip = tmp_path / "clip.mp4"
    made = Evaluation("clip", (Track(FRAME, scores, ()),))
    done = {variant.task(clip).key: made for variant in variants}
    points = smoothing_points(variants, done, [clip])
    assert [point.smoothing for point in points] == ["off", "default", "strong"]
    draw_tradeoff(tmp_path / "graph.png", points, "one clip")
    assert cv2.imread(str(tmp_path / "graph.png")).shape == (504, 1200, 3)


def test_the_optimiser_has_all_habits_and_the_feature_style_encoder_starts_nowhere():
    found = {
        name: habits(videoinv.load("default", encoder=name, device="cpu"))
        for name in ("optimize", "feature-style")
    }
    assert found == {"optimize": Habits(), "feature-style": Habits(warm=False)}


def test_the_obvious_pipeline_does_each_frame_by_itself():
    default, obvious = (variant.job for variant in default_and_obvious(Job()))
    assert default == Job()
    assert (obvious.warm, obvious.settings.blend) == (False, "replace")
    assert obvious.settings.code_sigma == obvious.settings.shape_sigma == 0
    assert obvious.settings.offsets == "frame"


def test_a_cold_start_knows_nothing_of_the_frame_before(model):
    start = model.encoder.latent
    varied(model).invert(IMAGES, start)
    varied(model, warm=False).invert(IMAGES, start)
    assert model.encoder.starts == [start, None]


@torch.no_grad()
def test_without_the_delta_an_edit_leaves_the_features_alone(model):
    fixed = varied(model, feature_delta=False)
    same = fixed.invert(IMAGES)
    assert (model.encoder.latent.features.mode, same.features.mode) == ("add", "replace")
    torch.testing.assert_close(
        fixed.generator.synthesize(same, 256),
        model.generator.synthesize(model.encoder.latent, 256),
        atol=1e-4,
        rtol=1e-4,
    )
    edited = same.codes + torch.randn(1, 1, 512)
    assert edit_features(fixed.generator, same, edited).features.tensor is same.features.tensor
    moved = edit_features(model.generator, same, edited).features.tensor
    assert (moved - same.features.tensor).abs().max() > 0.1


def test_the_encoder_is_started_with_what_it_returned_itself(model):
    fixed = varied(model, feature_delta=False)
    fixed.invert(IMAGES, fixed.invert(IMAGES))
    start, own = model.encoder.starts[1], model.encoder.latent
    assert start.features.mode == "add"
    torch.testing.assert_close(start.features.tensor, own.features.tensor, atol=1e-4, rtol=0)


def test_a_small_study_is_one_command_and_resumes(short_clip, tmp_path, capsys):
    axes = ("--smoothing", "off", "--start", "warm", "cold", "--delta", "on")
    command = [
        "evaluate",
        "study",
        str(short_clip),
        "-o",
        str(tmp_path),
        *OPTIONS,
        *axes,
        "--frames",
        "2",
    ]
    assert main(command) == 0
    results = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()}
    assert len(results) == 2
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in results} == results
    report = json.loads((tmp_path / "report.json").read_text())
    first = report["tables"][0]
    assert [row["labels"] for row in first["rows"]] == [
        ["optimize", "off", "warm", "on"],
        ["optimize", "off", "cold", "on"],
    ]
    rows = list(csv.DictReader((tmp_path / "clips.csv").open()))
    assert {row["track"] for row in rows} == {"inversion", "in the frame", "in the file"}
    assert "2 scored" in capsys.readouterr().err


@pytest.mark.slow
def test_default_and_obvious_are_compared_by_one_command(short_clip, tmp_path):
    command = ["evaluate", "compare", str(short_clip), "-o", str(tmp_path)]
    assert main([*command, "--steps", "1", "--encoder", "optimize", "--device", "cpu"]) == 0
    table = json.loads((tmp_path / "report.json").read_text())["tables"][0]
    assert [row["labels"][1] for row in table["rows"]][:2] == [
        "excess jitter ·10³",
        "warping error ·10³",
    ]


def scores(**values):
    names = ClipScores.__dataclass_fields__
    return ClipScores(**(dict.fromkeys(names) | {"frames": 1, "scored": 1, "lost": 0} | values))


def test_the_targets_are_judged():
    def evaluation(**values):
        return Evaluation("a", (Track(FRAME, scores(**values)),))

    better = evaluation(excess_jitter=0.7, warping_error=0.8, lag=-0.2, lpips=0.101)
    plain = evaluation(excess_jitter=1.0, warping_error=1.0, lag=0.0, lpips=0.1)
    rows = {row.labels[1]: row.values for row in comparison_table([("a", better, plain)]).rows}
    assert rows["excess jitter ·10³"][2:] == ("-30%", "30 % lower", "yes")
    assert rows["warping error ·10³"][2:] == ("-20%", "30 % lower", "no")
    assert rows["lag, frames"][4] == "yes"
    assert rows["LPIPS"][2:] == ("+1%", "≤ 2 % worse", "yes")
    assert rows["amplitude"] == ("–", "–", "–", "", "–")


def test_a_graph_that_cannot_be_written_is_told_before_the_work(
    short_clip, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(forms, "_study_encoders", lambda args: pytest.fail("the work began"))
    command = ["evaluate", "study", str(short_clip), "-o", str(tmp_path / "out"), "--graph"]
    assert main([*command, str(short_clip / "graph.png")]) == 2
    assert "cannot be made (it is a file)" in capsys.readouterr().err
    assert main([*command, str(short_clip)]) == 2
    assert "the input itself" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "out" / "report.json")]) == 2
    assert "the report, too" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(pytest.fail.Exception, match="the work began"):
        main([*command, str(tmp_path / "out" / "graph.png")])


def test_encoders_of_one_name_have_results_of_their_own():
    job, habits = Job(), Habits(warm=False, feature_delta=False)
    encoders = {f"{run}/encoder.safetensors": habits for run in ("a", "b")} | {"e2style": habits}
    variants = study(job, encoders, smoothings=("off",))
    keys = {variant.task(Path("clip.mp4")).key for variant in variants}
    assert len(keys) == 3 and "clip--e2style--off--none--none" in keys
