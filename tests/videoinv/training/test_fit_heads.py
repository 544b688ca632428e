"""The image heads, fitted to a generator by regression."""

import copy
import math

import pytest
import torch
from safetensors.torch import load_file

from videoinv.training import fit_heads as module
from videoinv.training.fit_heads import HeadFit, HeadRecipe, fit_heads, score_heads

RECIPE = HeadRecipe(pool=4, refresh=3, batch=2, crop=16)


def test_steps_bring_the_heads_nearer_and_leave_the_generators_alone(generator):
    before = {name: t.clone() for name, t in generator.heads.state_dict().items()}
    fit = HeadFit(generator, RECIPE)
    reached = []
    for step in range(60):
        fit.advance(step / 60)
        reached.append(fit.psnr[32])
    assert fit.step == 60
    assert reached[-1] > reached[10]
    assert all(torch.equal(t, before[n]) for n, t in generator.heads.state_dict().items())


def test_a_seed_decides_all_and_resuming_begins_at_the_generators_own_heads(generator):
    first, again = HeadFit(generator, RECIPE), HeadFit(generator, RECIPE)
    for fit in (first, again):
        fit.advance(0.0)
    states = zip(first.heads.state_dict().values(), again.heads.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    resumed = HeadFit(generator, RECIPE, resume=True).heads.state_dict()
    assert all(torch.equal(t, resumed[n]) for n, t in generator.heads.state_dict().items())


def test_a_fit_ends_with_its_time_and_leaves_a_file(generator, monkeypatch, tmp_path):
    clock = iter(range(100))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module, "REPORT_EVERY", 5)
    lines = []
    recipe = HeadRecipe(seconds=10, pool=4, crop=16)
    fit_heads(generator, tmp_path / "heads.safetensors", recipe, report=lines.append)
    assert len(lines) == 2
    assert lines[1].startswith("step 5, ") and " dB" in lines[1]
    saved = load_file(tmp_path / "heads.safetensors")
    assert saved.keys() == generator.heads.state_dict().keys()
    assert all(tensor.dtype == torch.float16 for tensor in saved.values())


def test_scores_are_those_of_the_metrics(generator):
    def distance(a, b):
        return (a - b).square().flatten(1).mean(dim=1)

    ((side, (psnr, error)),) = score_heads(generator, distance, 1).items()
    assert side == 32
    assert psnr == pytest.approx(10 * math.log10(4 / error))


@pytest.mark.parametrize("resume", [False, True])
def test_heads_are_fitted_wherever_the_generator_is(generator, resume):
    """``meta`` stands for a GPU: it, too, takes no tensors of the processor's."""
    elsewhere = copy.deepcopy(generator).to("meta")
    fit = HeadFit(elsewhere, RECIPE, resume=resume)
    for _ in range(4):  # with a sample that is replaced
        fit.advance(0.0)
    assert {p.device.type for p in fit.heads.parameters()} == {"meta"}
