import argparse
import signal
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.distributed.run import get_args_parser

from pipelines import train
from pipelines.clip_faces import clip_faces
from pipelines.media import VideoReader
from videoinv.checkpoints.fetch import fetch
from videoinv.encoders.light.files import load_light
from videoinv.errors import BadInputError, OutputError
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.training.checkpoint import Change
from videoinv.training.metrics_log import read_metrics
from videoinv.training.workers import Workers


def run(*words):
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    args = parser.parse_args(["train", *map(str, words)])
    return args.run(args)


def test_torchrun_takes_no_option_of_a_run_for_one_of_its_own():
    """It refuses what could be the beginning of several of its options, wherever it stands."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    train.add_parser(commands)
    words = ["train", "restyle", *commands.choices["train"]._option_string_actions]
    launch = get_args_parser().parse_args(["-m", "pipelines.cli", *words])
    assert launch.training_script_args == words


@pytest.fixture(scope="module")
def faces():
    return clip_faces(fetch("clip-webcam-smile"), 256, stride=12)


def test_frames_of_a_clip_are_aligned_as_photographs_are(faces):
    """Detected anew, the face fills the crop as FFHQ faces do: the quad is the crop's own edge."""
    assert len(faces) == 6
    face = FaceDetector().detect(faces[0])[0]
    quad = quad_from_mesh(FaceMesh().fit(faces[0], face))
    edge = np.array([[-0.5, -0.5], [-0.5, 255.5], [255.5, 255.5], [255.5, -0.5]])
    assert np.abs(quad - edge).max() < 0.04 * 256


def test_no_more_frames_are_looked_at_than_asked_for(faces):
    assert len(clip_faces(fetch("clip-webcam-smile"), 256, stride=1, most=2)) == 2
    (first,) = clip_faces(fetch("clip-webcam-smile"), 256, most=1)
    assert np.array_equal(first, faces[0])


def test_a_clip_without_a_face_is_refused(tmp_path):
    path = tmp_path / "grey.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 96))
    for _ in range(6):
        writer.write(np.full((96, 128, 3), 90, np.uint8))
    writer.release()
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader) == 6
    with pytest.raises(BadInputError, match="shows no face"):
        clip_faces(path, 256)


def test_an_unknown_system_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="systems are e2style, feature-style"):
        run("styleclip", "--out", tmp_path)


def test_a_folder_that_cannot_be_made_is_told_of_before_anything_is_loaded(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match=r"run cannot be made \(it is a file\)"):
        run("restyle", "--out", tmp_path / "run", "--generator", tmp_path / "none.pt")


def test_a_run_is_not_begun_over_another_one_and_nothing_is_loaded_to_say_so(tmp_path):
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(BadInputError, match="give --resume to go on"):
        run("restyle", "--out", tmp_path, "--generator", tmp_path / "none.pt")
    assert (tmp_path / "checkpoint.pt").exists()


def test_a_run_that_does_not_begin_leaves_no_folder(tmp_path):
    with pytest.raises(BadInputError, match=r"none\.pt"):
        run("restyle", "--out", tmp_path / "run", "--generator", tmp_path / "none.pt")
    assert not list(tmp_path.iterdir())


def test_a_setting_that_no_step_can_be_made_with_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="full-every is at least 1; got 0"):
        run("restyle", "--out", tmp_path, "--set-full-every", 0)


def test_a_termination_is_noted_and_the_step_at_hand_ends():
    before = signal.getsignal(signal.SIGTERM)
    with train._stop_requests() as stop:
        assert not stop.is_made()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_made() and stop.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_name_that_is_no_device_is_refused():
    with pytest.raises(BadInputError, match="device 'banana' is not there"):
        train._device("banana", Workers())


@pytest.mark.parametrize(
    ("name", "used"), [("auto", "cuda:3"), ("cuda", "cuda:3"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_every_process_takes_a_gpu_of_its_own(monkeypatch, name, used):
    """On a machine that is said to have them."""
    taken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: taken.append(str(device)))
    monkeypatch.setattr(train, "resolve_device", torch.device)
    assert str(train._device(name, Workers(rank=3, count=4, local=3))) == used
    assert taken == ([used] if "cuda" in used else [])


@pytest.mark.parametrize("rank", [0, 1])
def test_what_changed_since_the_checkpoint_is_told_once(rank, tmp_path, capsys):
    (tmp_path / "checkpoint.pt").touch()
    changes = [Change("seed", 0, 7), Change("optimisation-rate", 0.1, 0.2)]
    trainer = SimpleNamespace(resume=lambda path: changes)
    args = argparse.Namespace(out=tmp_path, resume=True, start_from=None)
    train._begin(trainer, args, Workers(rank=rank, count=2))
    line = "videoinv: other settings: seed 0 → 7, optimisation-rate 0.1 → 0.2\n"
    assert capsys.readouterr().err == ("" if rank else line)


@pytest.mark.slow
def test_a_run_from_the_command_line_goes_on_and_is_scored(faces, tmp_path):
    """Two steps, then two more, of the default generator on the frames of a clip."""
    photos = tmp_path / "faces"
    photos.mkdir()
    for index, face in enumerate(faces):
        cv2.imwrite(str(photos / f"{index}.png"), face[:, :, ::-1])
    common = ("feature-style", "--out", tmp_path / "run", "--photos", photos)
    few = ("--set-regression", 1, "--set-regression-batch", 2, "--every-log", 0)
    small = ("--set-mixture-real", 1, "--device", "cpu")
    assert run(*common, *few, *small, "--set-optimisation-steps", 2) == 0
    with pytest.raises(BadInputError, match="--resume"):
        run(*common, *few, *small)
    rest = ("--resume", "--set-optimisation-steps", 4, "--held-out", photos)
    assert run(*common, *few, *small, *rest) == 0
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [int(row[0]) for row in rows if row[2] == "rate"] == [1, 2, 3, 4]
    scores = {row[2]: float(row[3]) for row in rows if row[2].startswith("eval/")}
    assert 0 < scores["eval/codes/lpips"] < 1
    assert (tmp_path / "run" / "sheets" / "0000004.png").exists()
    exported = tmp_path / "run" / "encoder.safetensors"
    assert exported.stat().st_size < 25e6
    with safe_open(exported, "pt") as file:
        assert {"recipe", "steps", "hours", "scores", "data", "terms"} <= set(file.metadata())
    assert load_light(exported, load_mobilestylegan()).input_size == 256


def test_another_trunk_takes_the_place_of_one(tmp_path):
    with pytest.raises(BadInputError, match="--start-from"):
        run("restyle", "--out", tmp_path / "run", "--trunk", "imagenet")
    assert not (tmp_path / "run").exists()
