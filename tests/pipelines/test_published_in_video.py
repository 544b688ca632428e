"""Every published system edits a real clip, from a file in its official layout."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.cast import FaceEdits
from pipelines.cli import main
from pipelines.edit import ClipEditor, EditSettings
from pipelines.evaluation.inversion import beginning
from pipelines.locate import FaceLocator
from pipelines.media import VideoReader
from pipelines.steady import steady_crops
from pipelines.steady_offsets import SHARE, SteadyOffsets, join
from videoinv import load
from videoinv.checkpoints.fetch import fetch
from videoinv.editing.directions import Direction
from videoinv.editing.edit import Edit, Keyframe
from videoinv.latents import Latent

from ..parity import official, published, synth

SMALL = published.SMALL
FRAMES = 4
SYSTEMS = ("psp", "e4e", "restyle-psp", "restyle-e4e", "e2style", "hyperinverter", "stylegan2")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Four frames of a real person."""
    return beginning(fetch("clip-webcam-smile"), FRAMES, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, dict[str, str]]:
    """By system, what ``load`` takes to load it."""
    folder, mean = tmp_path_factory.mktemp("files"), official.mean_codes(SMALL)
    found = {
        system: {"name": str(official.psp_family(folder / f"{system}.pt", system, SMALL))}
        for system in official.SYSTEMS
    }
    state = synth.state_dict(published.e2style(SMALL, 3, rows=(4, 3, 3)))
    path = official.save_torch(folder / "e2style.pt", state, latent_avg=mean, opts={})
    found["e2style"] = {"name": str(path)}
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network = str(official.save_nvlabs(folder / "g.pkl", weights))
    weights = synth.state_dict(published.nvlabs(replace(SMALL, resolution=256), ""))
    larger = str(official.save_nvlabs(folder / "g256.pkl", weights))
    found["stylegan2"] = {"name": larger, "encoder": "optimize"}
    state = synth.state_dict(published.hyperinverter(SMALL, 8, inner=8))
    path = official.save_torch(folder / "hyperinverter.pt", state, opts={})
    found["hyperinverter"] = {"name": str(path), "generator": network}
    return found


def open_model(files, system):
    return load(**files[system], device="cpu", dtype="float32")


def shift() -> Edit:
    """An edit in the small networks' own width."""
    return Edit(Direction("shift", torch.full((1, SMALL.dim), 0.5)), (Keyframe(0, 3.0),))


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_edits_the_face_and_nothing_else(system, files, clip, tmp_path):
    model = open_model(files, system)
    steps = 2 if system in ("stylegan2", "restyle-psp", "restyle-e4e") else None
    editor = ClipEditor(model, EditSettings(chunk=2, steps=steps))
    report = editor.edit(clip, tmp_path / "out.mp4", [FaceEdits([shift()])])
    # A generator alone is inverted by optimisation, and says so.
    assert model.info.system == {"stylegan2": "stylegan2 with optimize"}.get(system, system)
    assert (report.frames, report.faces) == (FRAMES, FRAMES)
    for before, after in zip(VideoReader(clip), VideoReader(tmp_path / "out.mp4"), strict=True):
        change = np.abs(before.image.astype(float) - after.image)
        assert change.max() > 25
        assert change[:, :150].mean() < 2


class Spy:
    """An encoder that notes how it was called and what it returned."""

    def __init__(self, encoder) -> None:
        self.encoder, self.calls = encoder, []

    def encode(self, images, start=None, steps=None):
        latent = self.encoder.encode(images, start, steps)
        self.calls.append((start, steps, latent))
        return latent


def inverted(model, clip, **how) -> tuple[list[Latent], Spy]:
    """The latents of a clip's frames before smoothing, and the calls that made them."""
    spy = Spy(model.encoder)
    editor = ClipEditor(replace(model, encoder=spy), EditSettings(chunk=2, code_sigma=0, **how))
    placed = steady_crops(locate(editor, clip), 1.0, 3.0)
    inverted = [person for step in editor.invert(placed) for person in step.people.values()]
    return [person.latent for person in inverted], spy


def locate(editor, clip):
    locator = FaceLocator(lambda scale: SMALL.resolution, editor.networks)
    return locator.locate(VideoReader(clip))


@pytest.mark.parametrize("system", ["restyle-psp", "restyle-e4e"])
def test_refining_systems_start_from_the_frame_before(system, files, clip):
    latents, spy = inverted(open_model(files, system), clip)
    starts = [start for start, _, _ in spy.calls]
    assert len(starts) == 3 and starts[0] is None
    assert starts[1].codes.equal(latents[0].codes)
    assert starts[2].codes.equal(latents[1].codes)


def test_one_set_of_offsets_serves_a_segment_and_spares_the_second_phase(files, clip):
    latents, spy = inverted(open_model(files, "hyperinverter"), clip, offsets="segment")
    assert [steps for _, steps, _ in spy.calls] == [None, 1, 1]
    first = spy.calls[0][2].weight_offsets
    assert first
    for latent in latents:
        assert all(latent.weight_offsets[name].equal(first[name]) for name in first)
    assert not latents[-1].codes.equal(latents[0].codes)


def test_the_steadier_the_offsets_the_less_the_picture_trembles(files, clip):
    model = open_model(files, "hyperinverter")
    change = {}
    for mode in ("segment", "smooth", "frame"):
        latents, _ = inverted(model, clip, offsets=mode)
        images = model.generator.synthesize(
            join([latent.with_codes(latents[0].codes) for latent in latents])
        )
        change[mode] = (images[1:] - images[:-1]).abs().mean().item()
    assert change["segment"] == 0
    assert 0 < change["smooth"] < change["frame"] / 2


def offsets_of(*values: float) -> Latent:
    """Latents of scalar weight offsets."""
    return Latent(torch.zeros(len(values), 1, 1), weight_offsets={"w": torch.tensor(values)})


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("segment", [1, 1, 1]),
        ("smooth", [1, 1 + SHARE, (1 + SHARE) * (1 - SHARE) + 5 * SHARE]),
        ("frame", [1, 2, 5]),
    ],
)
@pytest.mark.parametrize("chunks", [((1, 2, 5),), ((1,), (2, 5)), ((1,), (2,), (5,))])
def test_modes_do_what_they_say_whatever_the_chunks(mode, expected, chunks):
    steady = SteadyOffsets(mode)
    latents = [steady.steady(offsets_of(*map(float, chunk))) for chunk in chunks]
    assert torch.allclose(join(latents).weight_offsets["w"], torch.tensor(expected).float())


def test_shared_offsets_are_joined_without_a_copy():
    shared = offsets_of(3.0).expand(4)
    joined = join([shared[0], shared[1:]])
    assert joined.weight_offsets["w"].tolist() == [3.0] * 4
    assert joined.weight_offsets["w"].data_ptr() == shared.weight_offsets["w"].data_ptr()
    distinct = offsets_of(1.0, 2.0)
    assert join([distinct, distinct]).weight_offsets["w"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("offsets", ["segment", "smooth", "frame"])
def test_the_command_line_takes_a_generator_beside_the_checkpoint(offsets, files, clip, tmp_path):
    names = files["hyperinverter"]
    arguments = ["edit", str(clip), "-o", str(tmp_path / "out.mp4"), "--device", "cpu"]
    arguments += ["--model", names["name"], "--generator", names["generator"]]
    assert main([*arguments, "--offsets", offsets]) == 0
    assert len(list(VideoReader(tmp_path / "out.mp4"))) == FRAMES


def test_a_checkpoint_without_a_generator_says_what_it_needs(files, clip, tmp_path, capsys):
    name = files["hyperinverter"]["name"]
    assert main(["edit", str(clip), "-o", str(tmp_path / "out.mp4"), "--model", name]) == 2
    assert "holds no generator" in capsys.readouterr().err
