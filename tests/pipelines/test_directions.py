"""``videoinv directions``: samples are kept as they are made, and bad places told at once."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from pipelines import directions as command
from pipelines import scored_samples
from pipelines.cli import main
from pipelines.scored_samples import Sampling
from pipelines.scored_samples import scored_samples as samples
from pipelines.strip import save_strips
from videoinv.editing.directions import Direction, Directions
from videoinv.errors import BadInputError, OutputError
from videoinv.faces.attributes import ATTRIBUTES

SAMPLING = Sampling("abc", 0, 0.8)


class Generator:
    """Codes are the noise; counts its pictures, and is ended after some."""

    device, styles = torch.device("cpu"), 2
    mean_codes = torch.zeros(2, 512)

    def __init__(self, most=10**6):
        self.made, self.most = 0, most

    def map(self, z, truncation=1.0):
        return truncation * z[:, None].expand(-1, 2, -1)

    def synthesize(self, latent, size=None):
        self.made += len(latent)
        if self.made > self.most:
            raise KeyboardInterrupt
        return torch.zeros(len(latent), 3, size, size)


class Scorer:
    """Says nothing of any picture."""

    def __init__(self, device):
        pass

    def score(self, images):
        return SimpleNamespace(array=lambda: np.zeros((len(images), len(ATTRIBUTES))))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(scored_samples, "AttributeScorer", Scorer)
    monkeypatch.setattr(scored_samples, "SAVE_EVERY", 8)
    monkeypatch.setattr(scored_samples, "RENDER", 8)


def test_what_was_scored_before_an_interrupt_is_kept(tmp_path, capsys):
    file = tmp_path / "scores.npz"
    with pytest.raises(KeyboardInterrupt):
        samples(Generator(most=20), SAMPLING, 30, file)
    second = Generator()
    codes, scores = samples(second, SAMPLING, 30, file)
    assert second.made == 30 - 16
    assert np.array_equal(codes, samples(Generator(), SAMPLING, 30)[0])
    assert codes.shape == (30, 512) and scores.shape == (30, len(ATTRIBUTES))
    assert len(samples(Generator(most=0), SAMPLING, 12, file)[0]) == 12
    assert capsys.readouterr().err == ""  # no progress where nobody looks


@pytest.mark.parametrize(
    "other", [Sampling("abd", 0, 0.8), Sampling("abc", 1, 0.8), Sampling("abc", 0, 0.7)]
)
def test_samples_made_in_another_way_are_refused(other, tmp_path):
    samples(Generator(), SAMPLING, 4, tmp_path / "scores.npz")
    with pytest.raises(BadInputError, match=r"asked for are .*: name another file"):
        samples(Generator(), other, 8, tmp_path / "scores.npz")


def test_a_file_that_says_nothing_of_its_samples_is_refused(tmp_path):
    np.savez(tmp_path / "old.npz", codes=np.zeros((4, 512)), scores=np.zeros((4, 9)))
    (tmp_path / "letter.npz").write_text("Dear Sir or Madam,")
    for name in ("old.npz", "letter.npz"):
        with pytest.raises(BadInputError, match=f"{name} holds no samples"):
            samples(Generator(), SAMPLING, 4, tmp_path / name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "-o", "none/d.safetensors"],
        ["fit", "-o", "d.safetensors", "--scores", "none/s.npz"],
        ["discover", "sefa", "-o", "none/d.safetensors"],
    ],
)
def test_a_folder_that_is_not_there_is_told_before_the_work(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "load", lambda name: pytest.fail("a model was loaded"))
    assert main(["directions", *arguments]) == 2
    assert "there is no folder none" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "-o", "d.npz", "--scores", "d.npz"],
        ["fit", "--model", "model.pt", "-o", "model.pt"],
        ["discover", "sefa", "--model", "model.pt", "-o", "model.pt"],
    ],
)
def test_nothing_is_written_over_a_model_or_over_the_samples(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt").write_bytes(b"weights")
    monkeypatch.setattr(command, "load", lambda name: pytest.fail("a model was loaded"))
    assert main(["directions", *arguments]) == 2
    assert "choose another name" in capsys.readouterr().err
    assert (tmp_path / "model.pt").read_bytes() == b"weights"


def test_strips_are_pictures_in_a_folder_or_one_sentence(tmp_path):
    smile = Directions({"smile": Direction("smile", torch.ones(1, 512))})
    save_strips(Generator(), smile, tmp_path / "strips")
    files = {path.name: path for path in (tmp_path / "strips").iterdir()}
    assert sorted(files) == ["overview.jpg", "smile.png"]
    assert cv2.imread(str(files["smile.png"])).shape == (3 * 256, 5 * 256, 3)
    assert files["overview.jpg"].read_bytes()[:2] == b"\xff\xd8"
    files["smile.png"].unlink()
    files["smile.png"].mkdir()
    with pytest.raises(OutputError, match=r"smile\.png: the picture cannot be written"):
        save_strips(Generator(), smile, tmp_path / "strips")
    with pytest.raises(OutputError, match="cannot be made"):
        save_strips(Generator(), smile, files["overview.jpg"])
