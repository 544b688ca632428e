"""A run that goes on: from its own checkpoint, and from none that is another's."""

import json
from dataclasses import replace

import pytest
import torch

from videoinv.errors import BadInputError, CheckpointError, OutputError
from videoinv.training.checkpoint import Checkpoint
from videoinv.training.data import Mixture
from videoinv.training.optimiser import make_optimiser
from videoinv.training.run import Origin, Run

from .short_runs import LOSSES, SMALL, make, recipe


@pytest.fixture(scope="module")
def begun(generator_1024, networks, photo_zip, tmp_path_factory):
    """A checkpoint before the first step."""
    path = tmp_path_factory.mktemp("begun") / "checkpoint.pt"
    make(recipe("e2style"), generator_1024, networks, photo_zip).save(path)
    return path


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"size": replace(SMALL, levels=3)}, "size-levels 2 → 3"),
        ({"size": replace(SMALL, looks=1), "seed": 7}, "size-looks 3 → 1"),
        ({"system": "restyle"}, "system e2style → restyle"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    changes, named, begun, generator_1024, networks, photo_zip
):
    trainer = make(replace(recipe("e2style"), **changes), generator_1024, networks, photo_zip)
    with pytest.raises(BadInputError, match=rf"another network \({named}\)"):
        trainer.resume(begun)


def test_what_else_changed_is_told(begun, generator_1024, networks, photo_zip):
    chosen = recipe("e2style", seed=7)
    fought = replace(chosen.losses, latent_adversarial=0.1)
    how = replace(chosen.optimisation, rate=5e-4)
    sampling = replace(chosen.sampling, truncation=(0.5, 1.0))
    changed = replace(chosen, losses=fought, optimisation=how, sampling=sampling)
    trainer = make(changed, generator_1024, networks, photo_zip)
    assert sorted(map(str, trainer.resume(begun))) == [
        "losses-latent-adversarial 0.0 → 0.1",
        "optimisation-rate 0.001 → 0.0005",
        "sampling-truncation [0.7, 1.0] → [0.5, 1.0]",
        "seed 0 → 7",
    ]
    same = make(recipe("e2style"), generator_1024, networks, photo_zip)
    assert same.resume(begun) == []


@pytest.mark.parametrize("kinds", [("adam", "ranger"), ("ranger", "adam")])
def test_another_kind_of_optimiser_begins_anew(
    kinds, generator_1024, networks, photo_zip, tmp_path
):
    """A kind's state means nothing to another one."""
    first, second = (
        replace(chosen, optimisation=replace(chosen.optimisation, optimiser=kind))
        for chosen, kind in zip([recipe("e2style")] * 2, kinds, strict=True)
    )
    trainer = make(first, generator_1024, networks, photo_zip)
    next(trainer.train())
    trainer.save(tmp_path / "checkpoint.pt")
    trainer = make(second, generator_1024, networks, photo_zip)
    (change,) = trainer.resume(tmp_path / "checkpoint.pt")
    assert str(change) == f"optimisation-optimiser {kinds[0]} → {kinds[1]}"
    fresh = make_optimiser(trainer.system.network, second.optimisation)
    assert trainer._optimiser.state_dict() == fresh.state_dict()
    next(trainer.train())


def test_a_discriminator_of_images_of_another_side_begins_anew(
    generator_1024, networks, photo_zip, tmp_path
):
    chosen = recipe("e2style")
    chosen = replace(chosen, losses=replace(LOSSES, image_adversarial=0.1))
    make(chosen, generator_1024, networks, photo_zip).save(tmp_path / "checkpoint.pt")
    larger = replace(chosen, mixture=Mixture(1, 1, 128))
    trainer = make(larger, generator_1024, networks, photo_zip)
    assert list(map(str, trainer.resume(tmp_path / "checkpoint.pt"))) == ["mixture-size 64 → 128"]


def test_the_checkpoint_of_another_generators_network_is_refused(
    begun, generator, networks, photo_zip
):
    trainer = make(recipe("e2style"), generator, networks, photo_zip)
    with pytest.raises(CheckpointError, match=r"another generator \(size mismatch"):
        trainer.resume(begun)


def test_a_checkpoint_from_before_a_setting_was_there_is_gone_on_with(
    begun, generator_1024, networks, photo_zip, tmp_path
):
    saved = Checkpoint.load(begun)
    stored = json.loads(saved.recipe)
    del stored["size"]["looks"], stored["restyle_before"]
    stored["size"]["gone"] = stored["gone"] = 1
    path = tmp_path / "old.pt"
    replace(saved, recipe=json.dumps(stored)).save(path)
    trainer = make(recipe("e2style"), generator_1024, networks, photo_zip)
    assert trainer.resume(path) == []


@pytest.mark.parametrize("room", [100, 5000, 300_000])
def test_a_checkpoint_that_the_disk_does_not_take_leaves_the_last_one(room, limited_disk, tmp_path):
    path = tmp_path / "checkpoint.pt"
    network = {"weight": torch.zeros(300, 300)}
    state = Checkpoint(1, 2.0, network, {}, {}, {}, torch.get_rng_state(), "{}")
    state.save(path)
    with limited_disk(room), pytest.raises(OutputError, match=r"the checkpoint .*File too large"):
        replace(state, step=2).save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert Checkpoint.load(path).step == 1


@pytest.mark.parametrize("change", ["more", "less"])
def test_a_checkpoint_of_another_version_is_refused(change, begun, tmp_path):
    data = torch.load(begun)
    if change == "more":
        data["scaler"] = {}
    else:
        del data["random"]
    torch.save(data, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="of another version of videoinv: it holds"):
        Checkpoint.load(tmp_path / "other.pt")


def test_a_run_in_place_of_a_file_is_refused(generator_1024, networks, photo_zip, tmp_path):
    (tmp_path / "run").touch()
    trainer = make(recipe("e2style"), generator_1024, networks, photo_zip)
    with pytest.raises(OutputError, match="folder of the run cannot be made"):
        Run(trainer, tmp_path / "run", None, Origin("seven", "none"))


def test_another_file_is_no_checkpoint_of_a_run(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no checkpoint of a training run"):
        Checkpoint.load(tmp_path / "other.pt")
