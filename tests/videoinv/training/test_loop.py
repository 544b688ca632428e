import json
from dataclasses import replace

import pytest
import torch

from videoinv.encoders.light.codes_head import HeadSize
from videoinv.encoders.light.files import load_light
from videoinv.encoders.light.network import LightSize
from videoinv.errors import BadInputError, CheckpointError, OutputError
from videoinv.training.checkpoint import Checkpoint
from videoinv.training.data import Batch, Mixture, TrainingData
from videoinv.training.loop import Trainer
from videoinv.training.metrics_log import read_metrics
from videoinv.training.optimiser import Optimisation, make_optimiser
from videoinv.training.photos import Photographs
from videoinv.training.recipes import LossWeights, find_recipe
from videoinv.training.run import Intervals, Origin, Run
from videoinv.training.systems import build_system

SMALL = LightSize(
    64,
    HeadSize((8, 8, 8, 8), 16, 24),
    levels=2,
    feature_width=8,
    looks=3,
    vector=8,
    rank=2,
    stages=2,
)
FEW = {"size": SMALL, "mixture": Mixture(1, 1, 64), "regression": 2, "regression_batch": 2}
LOSSES = LossWeights(l2=1.0, lpips=0.5, delta=1e-4)


def recipe(system, **changes):
    how = Optimisation("adam", rate=1e-3, warmup=3, clip=1.0, steps=5)
    short = replace(find_recipe(system), **FEW, losses=LOSSES, codes_losses=LOSSES)
    return replace(short, optimisation=how, restyle_steps=2, stage_steps=4, **changes)


def make(chosen, generator, networks, photo_zip):
    photos = Photographs(photo_zip, 64)
    data, warm = (
        TrainingData(generator, photos, mixture, chosen.augmentation, chosen.sampling, seed=3)
        for mixture in (chosen.mixture, Mixture(0, chosen.regression_batch, 64))
    )
    return Trainer(chosen, generator, networks, data, warm)


def weights(trainer):
    averaged = trainer.encoder.net.state_dict()
    return trainer.system.network.state_dict() | {"mean." + k: v for k, v in averaged.items()}


RUNS = {
    "restyle": {},
    "feature-style": {"small_side": 64},
    "e2style": {},
    "hyperinverter": {},
}


@pytest.mark.parametrize("system", RUNS)
def test_a_killed_and_resumed_run_ends_with_the_same_weights(
    system, generator_1024, networks, photo_zip, tmp_path
):
    """Killed within step 4, after a checkpoint at step 3; all but ReStyle then go on into their
    second stage or phase.
    """
    chosen = recipe(system, **RUNS[system])
    if system == "restyle":
        ranger = replace(chosen.optimisation, optimiser="ranger", accumulate=2)
        chosen = replace(chosen, optimisation=ranger)
    if system == "hyperinverter":
        fought = replace(LOSSES, latent_adversarial=0.1, image_adversarial=0.01)
        chosen = replace(chosen, losses=fought, adversary_after=0)
    whole = make(chosen, generator_1024, networks, photo_zip)
    begin = {k: v.clone() for k, v in weights(whole).items()}
    expected = list(whole.train())
    assert whole.step == len(expected) == 5

    path = tmp_path / "checkpoint.pt"
    killed = make(chosen, generator_1024, networks, photo_zip)
    steps = killed.train()
    for _ in range(3):
        next(steps)
    killed.save(path)
    next(steps)
    del killed, steps

    torch.manual_seed(99)
    resumed = make(chosen, generator_1024, networks, photo_zip)
    resumed.resume(path)
    rest = list(resumed.train())
    assert rest == expected[3:]
    moved = 0
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
        moved += int(not torch.equal(tensor, begin[name]))
    assert moved > 50


@pytest.mark.parametrize(("regression", "name"), [(12, "regression"), (0, "result/l2")])
def test_training_lowers_the_losses(regression, name, generator_1024, networks, photo_zip):
    """On one batch seen again and again."""
    chosen = replace(recipe("feature-style", small_side=64), regression=regression, stage_steps=0)
    how = replace(chosen.optimisation, steps=12, warmup=0)
    trainer = make(replace(chosen, optimisation=how), generator_1024, networks, photo_zip)
    for data in (trainer._data, trainer._regression):
        batch = data.batch(0)
        data.batches = lambda step, b=batch: iter([b] * 12)
    values = [step[name] for step in trainer.train()]
    assert values[0] > values[4] > values[8] > values[-1]


@pytest.mark.parametrize(
    ("chosen", "learns"),
    [
        (replace(recipe("e2style"), stage_steps=3), "1."),
        (replace(recipe("feature-style"), stage_steps=0, first_look_steps=3), "next_look."),
    ],
)
def test_stages_and_looks_that_are_done_stand_still(
    chosen, learns, generator_1024, networks, photo_zip
):
    trainer = make(chosen, generator_1024, networks, photo_zip)
    steps = trainer.train()
    for _ in range(3):
        next(steps)
    before = {k: v.clone() for k, v in trainer.system.network.state_dict().items()}
    list(steps)
    changed = {k for k, v in trainer.system.network.state_dict().items() if (v != before[k]).any()}
    assert changed
    assert all(name.startswith(learns) for name in changed)


@pytest.fixture(scope="module")
def updates(generator_1024, networks, photo_zip):
    """The gradients' norm at every update within a run's first step of two ReStyle steps a batch,
    by scheme and accumulated batches.
    """

    def first_step(update, accumulate):
        how = {"regression": 0, "restyle_before": 0, "update": update}
        chosen = recipe("restyle", **how)
        optimisation = replace(chosen.optimisation, accumulate=accumulate, clip=0)
        trainer = make(
            replace(chosen, optimisation=optimisation), generator_1024, networks, photo_zip
        )
        norms = []

        def note(*_):
            gradients = [p.grad for p in trainer._parameters if p.grad is not None]
            norms.append(float(torch.nn.utils.get_total_norm(gradients)))

        trainer._optimiser.register_step_pre_hook(note)
        next(trainer.train())
        return norms

    return {(u, a): first_step(u, a) for u in ("batch", "step") for a in (1, 2)}


def test_both_update_schemes_of_restyle_step_as_often_as_they_say(updates):
    counts = {how: len(norms) for how, norms in updates.items()}
    assert counts == {("batch", 1): 1, ("batch", 2): 1, ("step", 1): 2, ("step", 2): 2 * 2}
    assert all(norm > 0 for norms in updates.values() for norm in norms)


def test_an_update_after_each_step_of_restyle_has_that_steps_whole_gradient(updates):
    assert updates["step", 1] == updates["step", 2][:2]


def test_a_run_leaves_what_one_wants_to_see(generator_1024, networks, photo_zip, tmp_path):
    chosen, closed = recipe("e2style"), []
    for expected in (3, 5):
        trainer = make(chosen, generator_1024, networks, photo_zip)
        if expected == 5:
            trainer.resume(tmp_path / "checkpoint.pt")
        run = Run(trainer, tmp_path, None, Origin("seven", "none"), intervals=Intervals(log=0))
        run._metrics.close = lambda step=expected: closed.append(step)

        stopped = expected == 3
        run.until(None, lambda *_: None, lambda t=trainer, early=stopped: early and t.step == 3)
        assert (tmp_path / "encoder.safetensors").exists() is not stopped
        assert Checkpoint.load(tmp_path / "checkpoint.pt").step == expected
    assert closed == [3, 5]
    rates = [row for row in read_metrics(tmp_path / "metrics.csv") if row[2] == "rate"]
    assert [int(row[0]) for row in rates] == [1, 2, 3, 4, 5]
    loaded = load_light(tmp_path / "encoder.safetensors", generator_1024)
    trained = trainer.encoder.net.state_dict()
    for name, tensor in loaded.net.state_dict().items():
        torch.testing.assert_close(tensor.float(), trained[name].float(), atol=2e-3, rtol=2e-3)


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
    fresh = make_optimiser(trainer._parameters, second.optimisation)
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


@pytest.mark.parametrize(
    ("system", "role"), [("hyperinverter", "result"), ("feature-style", "codes")]
)
def test_a_discriminator_of_images_sees_small_ones_too(
    system, role, generator_1024, networks, photo_zip
):
    """At full size in the first step and at half of it in the second."""
    fought = LossWeights(l2=1.0, image_adversarial=0.01)
    small = {"small_side": 32, "full_every": 2, "regression": 0, "adversary_after": 0}
    chosen = replace(recipe(system, **small), losses=fought, codes_losses=fought)
    trainer = make(chosen, generator_1024, networks, photo_zip)
    steps = trainer.train()
    for _ in range(2):
        values = next(steps)
        assert values["adversary/image"] > 0 and values[f"{role}/l2"] > 0


def test_a_discriminator_of_images_cannot_tell_small_ones_by_their_blur(
    generator_1024, networks, photo_zip
):
    trainer = make(recipe("hyperinverter"), generator_1024, networks, photo_zip)
    sharp = torch.ones(1, 3, 64, 64)
    sharp[..., ::2] = -1
    fake = torch.rand(1, 3, 64, 64)
    assert all(map(torch.equal, trainer._as_discriminated(sharp, fake), (sharp, fake)))
    real, enlarged = trainer._as_discriminated(sharp, fake[..., ::2, ::2])
    assert real.shape == enlarged.shape == fake.shape
    assert real.abs().max() < 0.5


def test_edits_alone_can_have_a_discriminator(generator_1024, networks, photo_zip):
    edited = LossWeights(l2=1.0, latent_adversarial=0.1)
    chosen = recipe("feature-style", edited_losses=edited, regression=0, small_side=64)
    trainer = make(replace(chosen, stage_steps=0), generator_1024, networks, photo_zip)
    assert next(trainer.train())["adversary/codes"] > 0


def test_a_step_that_would_teach_nothing_is_refused(generator_1024, networks, photo_zip):
    late = LossWeights(latent_adversarial=0.1)
    chosen = replace(recipe("e2style", regression=0, adversary_after=1), losses=late)
    trainer = make(chosen, generator_1024, networks, photo_zip)
    with pytest.raises(BadInputError, match="in step 0: adversarial ones set in at step 1"):
        next(trainer.train())


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


def test_the_warm_up_learns_a_teachers_codes_of_photographs_too(
    generator_1024, networks, photo_zip
):
    chosen = replace(recipe("hyperinverter"), regression=1)
    trainer = make(chosen, generator_1024, networks, photo_zip)
    asked = []

    def teacher(images):
        asked.append(images)
        return trainer.system.codes(images) + 3

    trainer._teacher, trainer._regression = teacher, trainer._data
    values = next(trainer.train())
    assert len(asked[0]) == chosen.mixture.real + chosen.mixture.synthetic
    assert values["regression"] == pytest.approx(9, rel=1e-3)


def test_restyle_is_taught_to_stand_still_where_the_teacher_sees_no_difference(generator_1024):
    system = build_system(recipe("restyle"), generator_1024)
    codes = system.encoder.mean_codes + 0.1
    batch = Batch(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64), codes[None][:0])
    starts = set()
    for _ in range(8):
        reached, wanted = system.lesson(batch, lambda images: codes.expand(len(images), -1, -1))
        assert reached.requires_grad
        torch.testing.assert_close(wanted, codes.expand(2, -1, -1))
        starts.add(round(float(reached.detach().mean()), 4))
    assert len(starts) == 2  # from the mean, and from codes that it must not leave


def test_an_untrained_second_stage_changes_nothing(generator_1024):
    chosen = recipe("e2style")
    encoder = build_system(chosen, generator_1024).encoder
    encoder.net.eval()
    first, second = encoder.encode_steps(torch.rand(1, 3, 64, 64))
    assert torch.equal(first.codes, second.codes)
