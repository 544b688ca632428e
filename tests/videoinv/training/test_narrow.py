"""Smaller codes heads begin where a larger one ended, as nearly as their size allows."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from videoinv.encoders.light.codes_head import CodesHead, HeadSize, joined_steps
from videoinv.encoders.light.efficientnet import load_imagenet
from videoinv.encoders.light.network import CodesNet, LightSize
from videoinv.training.narrow import fits_into, narrow
from videoinv.training.start import begin_smaller, start_from

WIDTHS = (6, 5, 4)
SIZE = HeadSize((4, 4, 4), channels=8, hidden=6, person=5, expression=3)
ROWS = (2, 1)


def head(size=SIZE, groups=ROWS, levels=3):
    torch.manual_seed(0)
    made = CodesHead(WIDTHS[:levels], groups, size, dim=7).requires_grad_(False)
    for layer in made.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.3)
    made.basis.copy_(torch.randn(7, 7))
    return made


def seen(count=150):
    made = torch.Generator().manual_seed(1)
    maps = [torch.randn(count, w, 16 >> i, 16 >> i, generator=made) for i, w in enumerate(WIDTHS)]
    return maps, torch.randn(count, 5, generator=made), torch.randn(count, 3, generator=made)


def twice(tensor, dim=0, parts=1):
    """Every one of so many equal parts, with itself behind it."""
    return torch.cat([p for part in tensor.chunk(parts, dim) for p in (part, part)], dim)


def double(trained):
    """The same head with every inner channel and hidden number twice, each read by half."""
    made = head(replace(SIZE, channels=2 * SIZE.channels, hidden=2 * SIZE.hidden))
    state = trained.state_dict()
    for name in state:
        if name.startswith(("mix", "shrink", "hidden", "person", "expression")):
            state[name] = twice(state[name])
        if name.startswith(("shrink", "hidden", "rows")) and name.endswith("weight"):
            state[name] = twice(state[name], 1) / 2
    state["shared.weight"] = twice(state["shared.weight"], 1, len(ROWS)) / 2
    made.load_state_dict(state)
    return made


def test_a_head_of_the_same_size_answers_the_same():
    trained, own = head(), copy.deepcopy(head())
    for tensor in own.parameters():
        nn.init.normal_(tensor)
    maps, person, expression = seen()
    narrow(own, trained, trained.steps(maps, person, expression))
    wanted = trained(maps, person, expression)
    assert (own(maps, person, expression) - wanted).abs().max() < 1e-4 * wanted.std()


def test_what_is_said_twice_need_not_be_kept_twice():
    small = head()
    large, own = double(small), head()
    maps, person, expression = seen()
    wanted = large(maps, person, expression)
    assert torch.allclose(wanted, small(maps, person, expression), atol=1e-4)
    for tensor in own.parameters():
        nn.init.normal_(tensor)
    assert fits_into(own, large)
    narrow(own, large, large.steps(maps, person, expression))
    assert (own(maps, person, expression) - wanted).abs().max() < 0.02 * wanted.std()


def test_a_single_row_is_the_mean_of_all():
    trained = head()
    for name in ("hidden", "person", "expression"):  # both groups say the same, for one to hold it
        layers = getattr(trained, name)
        layers[1].load_state_dict(layers[0].state_dict())
    own = head(groups=(1,))
    maps, person, expression = seen()
    narrow(own, trained, trained.steps(maps, person, expression))
    wanted = trained(maps, person, expression).mean(dim=1, keepdim=True)
    assert (own(maps, person, expression) - wanted).abs().max() < 0.02 * wanted.std()


def test_a_map_that_is_not_read_is_guessed_from_the_others():
    trained, own = head(), head(replace(SIZE, reduced=(4, 4)), levels=2)
    maps, person, expression = seen()
    maps[2] = torch.nn.functional.avg_pool2d(maps[1], 2)[:, :4]
    narrow(own, trained, trained.steps(maps, person, expression))
    wanted = trained(maps, person, expression)
    mean = wanted.mean(dim=0)
    missed = (own(maps[:2], person, expression) - wanted).square().sum()
    assert missed < 0.5 * (wanted - mean).square().sum()


@pytest.mark.parametrize(
    "larger",
    [
        head(replace(SIZE, channels=9)),
        head(replace(SIZE, hidden=7)),
        head(replace(SIZE, reduced=(3, 4, 4))),
        head(groups=(1, 2)),
    ],
    ids=["channels", "hidden", "maps", "rows"],
)
def test_no_other_head_fits(larger):
    assert not fits_into(larger, head())


def test_all_stages_of_another_system_begin_smaller():
    torch.manual_seed(0)
    size = LightSize(64, HeadSize((8, 8, 8, 8), 16, 24))
    trained = CodesNet((2, 3), size)
    load_imagenet(trained.backbone)
    small = replace(size, head=HeadSize((8, 8, 8), 14, 20), levels=3)
    stages = nn.ModuleList([CodesNet((2, 3), small), CodesNet((2, 3), small)])
    start_from(stages, trained)
    images = torch.tanh(torch.randn(48, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    assert begin_smaller(stages, trained, lambda: torch.split(images, 16)) == 2
    with torch.no_grad():
        wanted, answers = trained(images), [stage(images) for stage in stages]
    for answer in answers:
        missed = (answer - wanted).square().mean()
        assert missed < 0.5 * (wanted - wanted.mean(dim=0)).square().mean()


def test_where_all_fits_no_faces_are_looked_at():
    net = CodesNet((2, 3), LightSize(64, HeadSize((8, 8, 8, 8), 16, 24)))
    alike = nn.ModuleList([copy.deepcopy(net)])
    assert begin_smaller(alike, net, lambda: pytest.fail("asked for faces")) == 0
    joined = [net.steps(torch.zeros(1, 3, 64, 64))] * 2
    assert len(joined_steps(joined).hidden[0]) == 2
