"""An edit goes on where it was ended, and another edit of the same clip does not begin anew."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipelines.cache.analysis import Keep
from pipelines.cast import FaceEdits
from pipelines.edit import ClipEditor, EditSettings
from pipelines.evaluation.inversion import beginning
from videoinv import load
from videoinv.checkpoints.fetch import fetch
from videoinv.editing.directions import Direction
from videoinv.editing.edit import Edit, Keyframe

from ..parity import official, published
from .inspection import packet_digests

FRAMES = 10
SMALL = published.SMALL
SETTINGS = EditSettings(steps=1, preset="ultrafast")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return beginning(fetch("clip-webcam-smile"), FRAMES, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small ReStyle, which refines every frame from the one before."""
    folder = tmp_path_factory.mktemp("model")
    return str(official.psp_family(folder / "restyle.pt", "restyle-psp", SMALL))


@pytest.fixture(scope="module")
def model(checkpoint):
    return load(checkpoint, device="cpu", dtype="float32")


def edit(model, clip, output, strength=3.0, settings=SETTINGS, **options):
    shift = Direction("shift", torch.full((1, SMALL.dim), 0.5))
    faces = [FaceEdits([Edit(shift, (Keyframe(0, strength),))])]
    return ClipEditor(model, settings).edit(clip, output, faces, **options)


def picture(path):
    return packet_digests(path, "video")


@pytest.fixture(scope="module")
def whole(model, clip, tmp_path_factory):
    """The clip edited without a stop, without anything kept."""
    output = tmp_path_factory.mktemp("whole") / "out.mp4"
    edit(model, clip, output)
    return picture(output)


class Interrupting:
    """An encoder that is told to stop after some calls, as by Ctrl-C."""

    def __init__(self, encoder, calls) -> None:
        self.encoder, self.left = encoder, calls

    def encode(self, images, start=None, steps=None):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.encoder.encode(images, start, steps)


@pytest.mark.parametrize("calls", [1, 7])
def test_an_interrupted_edit_goes_on_and_ends_with_the_same_film(
    calls, model, clip, whole, tmp_path
):
    output, keep = tmp_path / "out.mp4", Keep(tmp_path / "analysis")
    stopping = replace(model, encoder=Interrupting(model.encoder, calls))
    with pytest.raises(KeyboardInterrupt):
        edit(stopping, clip, output, keep=keep)
    assert not output.exists()
    counting = replace(model, encoder=Interrupting(model.encoder, FRAMES - calls))
    report = edit(counting, clip, output, keep=keep)
    assert report.analysis["latents"] == {"read_back": calls, "computed": FRAMES - calls}
    assert picture(output) == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analysis", "out.mp4"]


def test_another_edit_detects_and_inverts_nothing(model, clip, whole, tmp_path):
    keep = Keep(tmp_path / "analysis")
    busy = replace(model, encoder=Interrupting(model.encoder, 2 * FRAMES))
    first = edit(busy, clip, tmp_path / "one.mp4", 1.0, keep=keep)
    idle = replace(model, encoder=Interrupting(model.encoder, 0))
    second = edit(idle, clip, tmp_path / "two.mp4", keep=keep)
    assert first.analysis["faces"]["computed"] > 0 and first.analysis["latents"]["computed"] > 0
    assert second.analysis["faces"]["computed"] == second.analysis["latents"]["computed"] == 0
    assert picture(tmp_path / "two.mp4") == whole
    steadier = replace(SETTINGS, center_sigma=2.0)
    third = edit(busy, clip, tmp_path / "three.mp4", settings=steadier, keep=keep)
    assert third.analysis["faces"]["computed"] == 0
    assert third.analysis["latents"]["computed"] == FRAMES


def test_in_turns_or_side_by_side_the_film_is_the_same(model, clip, whole, tmp_path):
    report = edit(model, clip, tmp_path / "out.mp4", settings=replace(SETTINGS, side_by_side=False))
    assert picture(tmp_path / "out.mp4") == whole
    assert report.slowest_stage == max(report.seconds, key=report.seconds.get)
    assert sum(report.seconds.values()) == pytest.approx(report.wall_seconds, rel=0.2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and a signal that kills")
def test_killed_at_twenty_random_moments_it_ends_with_the_same_film(clip, checkpoint):
    program = Path(__file__).with_name("killing.py")
    arguments = [sys.executable, str(program), str(clip), checkpoint, "20", "0"]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 20
    assert all(kill["equal"] for kill in found)
    assert any(kill["analysis"]["latents"]["read_back"] for kill in found)
