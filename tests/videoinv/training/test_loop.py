"""The loop: losses fall, stages stand still when they are done, a killed run ends the same."""

from dataclasses import replace

import pytest
import torch

from videoinv.encoders.light.files import load_light
from videoinv.errors import BadInputError
from videoinv.training.checkpoint import Checkpoint
from videoinv.training.metrics_log import read_metrics
from videoinv.training.recipes import LossWeights
from videoinv.training.run import Intervals, Origin, Run
from videoinv.training.systems import build_system

from .short_runs import LOSSES, make, recipe, weights

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
        how = {"regression": 0, "update": update}
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


def test_an_untrained_second_stage_changes_nothing(generator_1024):
    chosen = recipe("e2style")
    encoder = build_system(chosen, generator_1024).encoder
    encoder.net.eval()
    first, second = encoder.encode_steps(torch.rand(1, 3, 64, 64))
    assert torch.equal(first.codes, second.codes)


def test_a_trunk_stands_still_until_its_turn_and_then_moves_by_its_part(
    generator_1024, networks, photo_zip
):
    chosen = recipe("e2style", regression=0)
    how = replace(chosen.optimisation, rate=1e-3, trunk=0.1, trunk_after=2, warmup=0, clip=0)
    trainer = make(replace(chosen, optimisation=how), generator_1024, networks, photo_zip)
    stem = trainer.system.network[0].backbone.conv_stem.weight
    head = trainer.system.network[0].codes.mix.weight
    steps = trainer.train()
    begun = [each.detach().clone() for each in (stem, head)]
    next(steps), next(steps)
    assert torch.equal(stem, begun[0]) and not torch.equal(head, begun[1])
    next(steps)
    # Adam's first step is as long as the rate.
    torch.testing.assert_close(
        (stem - begun[0]).abs().median(), torch.tensor(1e-4), rtol=0.05, atol=0
    )
