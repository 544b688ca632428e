import argparse
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal

import pytest
import torch

from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.generators.stylegan2_names import StyleGAN2Config
from videoinv.latents import Features, Latent
from videoinv.training.data import Batch
from videoinv.training.flags import add_flags, apply_flags, field_docs
from videoinv.training.objective import Objective
from videoinv.training.optimiser import Average, Ranger, make_optimiser, rate_at
from videoinv.training.published import build_published, paper_heads
from videoinv.training.recipes import RECIPES, LossWeights, Optimisation, Recipe, find_recipe
from videoinv.training.run import Intervals
from videoinv.training.systems import Inversion


def test_lookahead_goes_half_way_back_every_few_steps():
    fast = torch.nn.Parameter(torch.tensor([4.0]))
    ours = torch.nn.Parameter(torch.tensor([4.0]))
    plain = torch.optim.RAdam([fast], lr=0.1, betas=(0.95, 0.999), eps=1e-5)
    ranger = Ranger([ours], lr=0.1, every=3)
    for _ in range(3):
        for parameter, optimiser in ((fast, plain), (ours, ranger)):
            parameter.grad = 2 * parameter.detach()
            optimiser.step()
    torch.testing.assert_close(ours.data, (4.0 + fast.data) / 2)


def test_ranger_finds_a_minimum():
    x = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimiser = make_optimiser(torch.nn.ParameterList([x]), Optimisation("ranger", rate=0.05))
    for _ in range(1000):
        x.grad = 2 * x.detach()
        optimiser.step()
    assert x.abs().max() < 0.05


def test_the_rate_rises_and_drops_where_it_should():
    how = Optimisation(rate=1.0, warmup=4, drop_after=10)
    assert [rate_at(step, how) for step in (0, 1, 3, 9, 10)] == [0.25, 0.5, 1.0, 1.0, 0.1]
    assert rate_at(6, how, begun=6) == 0.25  # and rises again where the losses change
    assert rate_at(10**6, Optimisation(rate=2.0)) == 2.0


def test_the_average_follows_with_its_decay():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = Average(network, 0.9)
    network.weight.data.fill_(1.0)
    average.update(network, 10**6)
    assert average.network.weight.item() == pytest.approx(0.1)
    average.update(network, 0)  # the beginning is forgotten sooner: decay 1/10
    assert average.network.weight.item() == pytest.approx(0.1 + 0.9 * 0.9)


def test_the_average_has_the_statistics_of_its_batch_norms():
    network = torch.nn.BatchNorm2d(2)
    average = Average(network, 0.9)
    network(torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0)) + 3)
    average.update(network, 10**6)
    kept = dict(average.network.named_buffers())
    assert kept["running_mean"].mean() > 0.2
    assert all(torch.equal(kept[name], now) for name, now in network.named_buffers())


def objective(weights, generator, networks, targets):
    batch = Batch(targets, targets, torch.ones(1, generator.styles, 512))
    return Objective(networks, weights, generator, batch, targets.shape[-1])


def test_terms_are_what_the_weights_ask_for(generator, networks):
    targets = torch.zeros(2, 3, 64, 64)
    image = torch.stack([torch.full((3, 64, 64), 0.5), torch.full((3, 64, 64), 0.1)])
    codes = torch.full((2, generator.styles, 512), 3.0)
    delta = Features(torch.full((2, 16, 8, 8), 2.0), 1, "add")
    inversion = Inversion(Latent(codes, delta), image, "result")
    weights = LossWeights(l2=2.0, l2_on="synthetic", known=0.5, feature=0.25, parsing=1.0)
    made = objective(weights, generator, networks, targets)
    terms = made.terms(inversion)
    assert {name: round(float(t), 5) for name, t in terms.items()} == {
        "l2": 0.01,  # of the second image, the synthetic one
        "feature": 4.0,
        "known": 4.0,
    }
    assert float(made.total(terms)) == pytest.approx(2 * 0.01 + 0.25 * 4 + 0.5 * 4)
    everywhere = objective(LossWeights(l2=1.0), generator, networks, targets)
    assert float(everywhere.terms(inversion)["l2"]) == pytest.approx((0.25 + 0.01) / 2)


def test_a_perfect_inversion_costs_nothing(generator, networks):
    noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    targets = torch.tanh(torch.nn.functional.interpolate(noise, size=128, mode="bicubic"))
    weights = LossWeights(l2=1, lpips=1, scales=2, identity=1, identity_levels="five", delta=1)
    inversion = Inversion(Latent(torch.zeros(2, generator.styles, 512)), targets, "result")
    terms = objective(weights, generator, networks, targets).terms(inversion)
    assert set(terms) == {"l2", "lpips", "identity", "delta"}
    assert all(float(term) == pytest.approx(0, abs=1e-5) for term in terms.values())


def test_the_papers_settings():
    restyle = find_recipe("restyle", "paper")
    assert (restyle.losses.l2, restyle.losses.lpips, restyle.losses.identity) == (1.0, 0.8, 0.1)
    assert (restyle.optimisation.optimiser, restyle.optimisation.rate) == ("ranger", 1e-4)
    style = find_recipe("feature-style", "paper")
    assert (style.mixture.real, style.mixture.synthetic) == (2, 2)
    assert (style.losses.lpips, style.losses.feature, style.losses.identity) == (0.2, 0.01, 0.1)
    assert style.losses.l2 == 0
    assert (style.codes_losses.l2, style.codes_losses.l2_on) == (1.0, "synthetic")
    e2style = find_recipe("e2style", "paper").losses
    assert (e2style.l2, e2style.lpips, e2style.identity, e2style.parsing) == (1, 0.8, 0.5, 1)
    hyper = find_recipe("hyperinverter", "paper")
    assert (hyper.losses.image_adversarial, hyper.optimisation.r1) == (0.005, 10)
    with pytest.raises(BadInputError, match="restyle"):
        find_recipe("psp")


CHANNELS = (512, 512, 512, 512, 512, 256, 128, 64, 32)
"""Of config-f at 1024 pixels."""


@pytest.mark.parametrize("system", sorted({system for system, _ in RECIPES}))
def test_published_networks_are_built_at_full_size(system):
    with torch.device("meta"):
        encoder = build_published(
            find_recipe(system, "paper"), StyleGAN2(StyleGAN2Config(CHANNELS, 8, 512))
        )
    assert isinstance(encoder, Encoder)
    millions = sum(p.numel() for p in encoder.net.parameters()) / 1e6
    # E2Style: 170 for two stages (Table I of its paper); ReStyle: 6-channel IR-SE50 + 18 heads.
    bounds = {"e2style": (168, 172), "restyle": (170, 210), "feature-style": (30, 120)}
    low, high = bounds.get(system, (800, 815))
    assert low < millions < high


def test_e2style_heads_share_18_rows_as_the_paper_does():
    assert [(h.rows, h.pool) for h in paper_heads(18)] == [(9, 7), (5, 5), (4, 3)]
    assert sum(h.rows for h in paper_heads(23)) == 23


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    """How fast, in
    two lines."""
    span: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"] = "a"
    """Which."""
    inner: Inner = field(default_factory=Inner)


def parse(kind, *words):
    parser = argparse.ArgumentParser()
    add_flags(parser, kind, "set-")
    return parser.parse_args(words)


def test_flags_change_only_what_they_name():
    start = Outer(inner=Inner(rate=7.0))
    assert apply_flags(start, parse(Outer), "set_") == start
    args = parse(Outer, "--set-kind", "b", "--set-inner-span", "2", "3")
    assert apply_flags(start, args, "set_") == Outer("b", Inner(7.0, (2.0, 3.0)))
    with pytest.raises(BadInputError, match="--set-inner-span takes 2"):
        apply_flags(start, parse(Outer, "--set-inner-span", "2"), "set_")
    assert field_docs(Inner) == {"rate": "How fast, in two lines."}


def test_every_setting_of_a_recipe_is_helped():
    for kind, settings in (
        (Recipe, find_recipe("restyle")),
        (LossWeights, None),
        (Optimisation, None),
    ):
        nested = {f.name for f in fields(kind) if is_dataclass(getattr(settings, f.name, None))}
        assert {f.name for f in fields(kind)} - nested <= field_docs(kind).keys()


def test_every_setting_of_a_recipe_is_a_flag():
    args = parse(Recipe, "--set-losses-lpips", "0.5", "--set-size-head-hidden", "64")
    changed = apply_flags(find_recipe("restyle"), args, "set_")
    assert changed.losses.lpips == 0.5
    assert changed.size.head.hidden == 64
    assert replace(changed.losses, lpips=0.8) == find_recipe("restyle").losses
    assert apply_flags(Intervals(), parse(Intervals, "--set-sheet", "5"), "set_").sheet == 5


@pytest.mark.parametrize(
    ("system", "words", "told"),
    [
        ("e2style", "--set-stage-steps 0", "stage-steps is at least 1 for e2style; got 0"),
        ("restyle", "--set-full-every 0", "full-every is at least 1; got 0"),
        ("restyle", "--set-restyle-before -1", "restyle-before is at least 0; got -1"),
        ("restyle", "--set-optimisation-rate nan", "optimisation-rate is at least 0; got nan"),
        ("restyle", "--set-optimisation-average 2", "optimisation-average is 0 to 1; got 2.0"),
        ("restyle", "--set-losses-scales 0", "losses-scales is at least 1; got 0"),
        ("restyle", "--set-size-levels 5", "size-levels is 1 to 4; got 5"),
        ("restyle", "--set-size-head-reduced 8 8 0 8", "size-head-reduced is at least 1; got 0"),
        ("restyle", "--set-sampling-truncation 1 0.7", "sampling-truncation .* got 1.0 0.7"),
        (
            "restyle",
            "--set-mixture-real 0 --set-mixture-synthetic 0 --set-mixture-relit 0",
            "batches are empty: .* at least one of them is 1 or more",
        ),
    ],
)
def test_a_setting_that_no_step_can_be_made_with_is_refused(system, words, told):
    with pytest.raises(BadInputError, match=told):
        apply_flags(find_recipe(system), parse(Recipe, *words.split()), "set_")


@pytest.mark.parametrize("name", ["losses", "codes_losses", "edited_losses"])
def test_losses_without_a_weight_are_refused_where_they_are_looked_at(name):
    nothing = LossWeights(scales=3, l2_on="synthetic")
    with pytest.raises(BadInputError, match=f"recipe's {name.replace('_', '-')} are 0"):
        replace(find_recipe("feature-style"), **{name: nothing})
    assert find_recipe("restyle").codes_losses.are_zero
    assert replace(find_recipe("feature-style", "paper"), edited_losses=nothing)


def test_of_no_term_the_total_is_nothing(generator, networks):
    alone = LossWeights(latent_adversarial=1.0)
    assert objective(alone, generator, networks, torch.zeros(1, 3, 64, 64)).total({}) == 0


AVERAGING = """
import torch
from videoinv.training.workers import Workers
workers = Workers.join()
a, b, unused = (torch.nn.Parameter(torch.zeros(n)) for n in (2, 3, 1))
a.grad, b.grad = torch.full((2,), 1.0 + workers.rank), torch.arange(3.0) * workers.rank
workers.average_gradients([a, b, unused])
assert a.grad.tolist() == [1.5, 1.5] and b.grad.tolist() == [0, 0.5, 1], (a.grad, b.grad)
assert unused.grad is None
workers.average_gradients([unused])
assert workers.agree(workers.rank == 1) and not workers.agree(False)
workers.leave()
"""


OPPOSING = """
from pathlib import Path
import torch
from torch import distributed
from videoinv.losses.adversarial import LatentDiscriminator
from videoinv.training.adversary import Adversary
from videoinv.training.recipes import Optimisation
from videoinv.training.workers import Workers
workers = Workers.join()
torch.manual_seed(0)
network = LatentDiscriminator(8, 1)
adversary = Adversary(network, Optimisation(adversary_rate=0.1, r1_every=2), workers)
torch.manual_seed(workers.rank)
for step in range(3):
    adversary.update(*torch.randn(2, 4, 8), step)
mine = torch.cat([p.detach().flatten() for p in network.parameters()])
both = [torch.empty_like(mine) for _ in range(2)]
distributed.all_gather(both, mine)
assert torch.equal(*both), (both[0] - both[1]).abs().max()
workers.leave()
threads = [Path(task, "comm").read_text() for task in Path("/proc/self/task").glob("*")]
assert not any("gloo" in name for name in threads), threads
"""


@pytest.mark.parametrize("script", [AVERAGING, OPPOSING], ids=["gradients", "discriminators"])
def test_two_processes_go_the_same_way(script):
    """What torchrun does: one process per rank, told by the environment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=os.environ | address | {"RANK": str(rank)}
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
