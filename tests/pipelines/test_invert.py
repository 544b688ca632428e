"""``videoinv invert`` on real photographs: pictures, latents, and what is skipped."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipelines.cli import main
from pipelines.media import VideoReader
from pipelines.pictures import find_pictures, read_picture, write_picture
from videoinv import load
from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError
from videoinv.faces.align import to_images
from videoinv.latent_files import load_latent, load_steps
from videoinv.latents import Latent

from ..parity import official, published, synth

SMALL = published.SMALL


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A person in two formats, nobody, and a letter by the name of a picture."""
    folder = tmp_path_factory.mktemp("photos")
    frame = next(iter(VideoReader(fetch("clip-webcam-smile")).frames(stop=Fraction(1, 30))))
    write_picture(folder / "person.png", frame.image)
    cv2.imwrite(str(folder / "webp.webp"), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    write_picture(folder / "wall.png", np.full_like(frame.image, 120))
    (folder / "letter.jpg").write_text("Dear Sir or Madam,")
    return folder


@pytest.fixture(scope="module")
def restyle(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "restyle.pt"
    return str(official.psp_family(path, "restyle-psp", SMALL))


@pytest.fixture(scope="module")
def hyperinverter(tmp_path_factory) -> list[str]:
    """The options that load it."""
    folder = tmp_path_factory.mktemp("model")
    state = synth.state_dict(published.hyperinverter(SMALL, 8, inner=8))
    path = official.save_torch(folder / "h.pt", state, opts={})
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    network = official.save_nvlabs(folder / "g.pkl", weights)
    return ["--model", str(path), "--generator", str(network)]


def invert(*arguments: object) -> int:
    return main(["invert", *map(str, arguments), "--device", "cpu", "--dtype", "float32"])


def rendered(model, latent: Latent) -> np.ndarray:
    return to_images(model.generator.synthesize(latent))[0]


def test_a_folder_with_all_that_can_be_in_it(photos, restyle, tmp_path, capsys):
    out = tmp_path / "out"
    assert invert(photos, "-o", out, "--model", restyle, "--steps", 2) == 0
    names = {"person.png", "person.safetensors", "webp.png", "webp.safetensors"}
    assert {path.name for path in out.iterdir()} == names
    said = capsys.readouterr().err
    assert "wall.png shows no face" in said and "letter.jpg is no picture" in said
    assert "2 of 4" in said


def test_the_latent_renders_the_picture_again(photos, restyle, tmp_path):
    assert invert(photos / "person.png", "-o", tmp_path, "--model", restyle, "--steps", 2) == 0
    latent, notes = load_latent(tmp_path / "person.safetensors")
    model = load(notes["model"], device="cpu", dtype="float32")
    assert model.info.digest == notes["sha256"] and notes["system"] == "restyle-psp"
    assert np.array_equal(rendered(model, latent), read_picture(tmp_path / "person.png"))
    quad = np.array(json.loads(notes["quad"]))
    face = read_picture(photos / "person.png").shape[:2]
    assert quad.shape == (4, 2) and (quad.mean(axis=0) < np.array(face[::-1])).all()


def test_all_steps_are_written_and_saved(photos, restyle, tmp_path):
    arguments = [photos / "person.png", "-o", tmp_path, "--model", restyle, "--steps", 3]
    assert invert(*arguments, "--all-steps") == 0
    steps = load_steps(tmp_path / "person.safetensors")
    assert steps.shape == (3, 1, SMALL.rows, SMALL.dim)
    model = load(restyle, device="cpu", dtype="float32")
    pictures = [read_picture(tmp_path / f"person_step{index}.png") for index in range(3)]
    for codes, picture in zip(steps, pictures, strict=True):
        assert np.array_equal(rendered(model, Latent(codes)), picture)
    assert np.array_equal(pictures[2], read_picture(tmp_path / "person.png"))
    assert not np.array_equal(pictures[0], pictures[2])


def test_weight_offsets_are_part_of_the_latent(photos, hyperinverter, tmp_path):
    arguments = [photos / "person.png", "-o", tmp_path, *hyperinverter]
    assert invert(*arguments, "--all-steps") == 0
    latent, notes = load_latent(tmp_path / "person.safetensors")
    assert latent.weight_offsets
    model = load(notes["model"], generator=notes["generator"], device="cpu", dtype="float32")
    assert np.array_equal(rendered(model, latent), read_picture(tmp_path / "person.png"))
    phase1 = Latent(load_steps(tmp_path / "person.safetensors")[0])
    assert np.array_equal(rendered(model, phase1), read_picture(tmp_path / "person_step0.png"))


def test_the_default_model_edits(photos, tmp_path):
    arguments = [photos / "person.png", "-o", tmp_path, "--size", 128]
    assert invert(*arguments, "--edit", "smile=3") == 0
    plain, edited = (read_picture(tmp_path / f"person{end}.png") for end in ("", "_edited"))
    assert plain.shape == edited.shape == (128, 128, 3)
    assert np.abs(plain.astype(int) - edited).max() > 25
    latent, notes = load_latent(tmp_path / "person.safetensors")
    assert latent.features is not None and latent.features.mode == "add"
    assert notes["size"] == "128"


def test_an_aligned_picture_is_taken_as_it_is(photos, restyle, tmp_path):
    arguments = [photos / "wall.png", "-o", tmp_path, "--model", restyle, "--steps", 1]
    assert invert(*arguments, "--aligned") == 0
    latent, notes = load_latent(tmp_path / "wall.safetensors")
    assert json.loads(notes["quad"]) is None
    image = torch.full((1, 3, 360, 640), 120 / 127.5 - 1)
    model = load(restyle, device="cpu", dtype="float32")
    assert torch.allclose(model.invert(image, steps=1).codes, latent.codes, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["IN/wall.png", "-o", "OUT", "--model", "RESTYLE"], "shows no face"),
        (["IN/none.jpg", "-o", "OUT"], "is not there"),
        (["OUT", "-o", "OUT/out"], "holds no picture"),
        (["IN", "-o", "IN"], "another folder"),
        (
            ["IN/person.png", "-o", "OUT", "--encoder", "optimize", "--all-steps"],
            "no steps to show",
        ),
        (["IN/person.png", "-o", "OUT", "--edit", "smlie=1"], "smile"),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(arguments, words, photos, restyle, tmp_path, capsys):
    places = {"IN": str(photos), "OUT": str(tmp_path), "RESTYLE": restyle}
    named = [
        "/".join(places.get(part, part) for part in argument.split("/")) for argument in arguments
    ]
    assert invert(*named) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_two_photographs_of_one_name_are_refused(photos, tmp_path, capsys):
    (tmp_path / "person.jpg").write_bytes((photos / "person.png").read_bytes())
    (tmp_path / "webp_step0.png").write_bytes((photos / "person.png").read_bytes())
    out = tmp_path / "out"
    assert invert(tmp_path / "person.jpg", photos, "-o", out) == 2
    assert "would both become person.png" in capsys.readouterr().err
    assert invert(tmp_path / "webp_step0.png", photos, "-o", out) == 2
    assert "the name of a result" in capsys.readouterr().err
    assert not out.exists()


def test_patterns_files_and_folders_name_each_picture_once(photos):
    found = find_pictures([str(photos / "*.png"), str(photos / "person.png"), str(photos)])
    assert [path.name for path in found] == ["person.png", "wall.png", "letter.jpg", "webp.webp"]
    with pytest.raises(BadInputError, match="is not there"):
        find_pictures([str(photos / "*.gif")])


def test_mistakes_are_told_before_the_work_and_overwrite_nothing(photos, tmp_path, capsys):
    direction = tmp_path / "person.safetensors"
    save_file({"look": torch.ones(1, 512)}, direction)
    person, before = photos / "person.png", direction.read_bytes()
    for arguments, words in (
        ([person, "-o", tmp_path, "--edit", f"{direction}=1"], "the input itself"),
        ([person, "-o", tmp_path, "--encoder", direction], "the input itself"),
        ([person, "-o", direction], "it is a file"),
        ([person, "-o", tmp_path / "new", "--size", "0"], "1 to 1024"),
        ([person, "-o", tmp_path / "new", "--edit", "smlie=1"], "did you mean 'smile'"),
    ):
        assert invert(*arguments) == 2
        assert words in capsys.readouterr().err
    assert direction.read_bytes() == before
    assert list(tmp_path.iterdir()) == [direction]
