"""Warm against cold starts, in small."""

from pipelines.cli import main
from videoinv.checkpoints.fetch import fetch


def test_a_warm_step_is_worth_more_than_a_cold_one(capsys):
    clip = str(fetch("clip-webcam-smile"))
    options = ["--encoder", "optimize", "--frames", "3", "--cold", "2", "--warm", "2"]
    assert main(["bench", "warm-start", clip, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 frames of")
    cold, warm = (line.split() for line in lines[2:])
    assert (cold[:2], warm[:2]) == (["cold", "2"], ["warm", "2"])
    assert float(warm[2]) < 0.5 * float(cold[2])


def test_two_frames_are_needed(capsys):
    clip = str(fetch("clip-webcam-smile"))
    assert main(["bench", "warm-start", clip, "--frames", "1"]) == 2
    assert "at least 2" in capsys.readouterr().err


def test_an_encoder_is_asked_for_no_more_steps_than_it_has(capsys):
    clip = str(fetch("clip-webcam-smile"))
    assert main(["bench", "warm-start", clip, "--encoder", "e2style", "--frames", "2"]) == 0
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["cold", "1"], ["cold", "2"], ["warm", "1"], ["warm", "2"]]
