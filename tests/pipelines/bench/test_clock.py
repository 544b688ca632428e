"""Time on a device that works on after the call, which is waited for; renders come back from it."""

from types import SimpleNamespace

import pytest
import torch

from pipelines.bench import inversion, warm_start
from pipelines.bench.clock import timed
from pipelines.bench.inversion import InversionBench, Way
from videoinv.editing.directions import Direction, Directions
from videoinv.latents import Latent

SIDE = inversion.SIDE


class Elsewhere:
    """A picture on another device: nothing can be done with it here."""

    def float(self):
        return self

    def cpu(self):
        return torch.zeros(1, 3, SIDE, SIDE)


class Generator:
    """As one on a GPU answers."""

    device, dtype = torch.device("cuda"), torch.float32

    def synthesize(self, latent, size):
        return Elsewhere()


@pytest.fixture
def waits(monkeypatch):
    """What happened, in order; ``wait`` for each time that the GPU was waited for."""
    events = []
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda device: events.append("wait"))
    return events


@pytest.fixture
def model(waits):
    def invert(images, start=None, steps=None):
        waits.append("invert")
        return Latent(torch.zeros(1, 4, 512))

    directions = Directions({"smile": Direction("smile", torch.ones(1, 512))})
    return SimpleNamespace(generator=Generator(), directions=directions, invert=invert)


def test_a_gpu_is_waited_for_before_and_behind_the_work(waits):
    result, seconds = timed(torch.device("cuda"), lambda: waits.append("work") or 7)
    assert (result, waits) == (7, ["wait", "work", "wait"]) and seconds > 0


def test_a_processor_is_not_waited_for(waits):
    assert timed(torch.device("cpu"), lambda: 7)[0] == 7 and waits == []


def test_an_inversion_on_a_gpu_is_timed_and_its_renders_are_scored(model, waits):
    bench = InversionBench(model, [torch.zeros(1, 3, SIDE, SIDE)], "smile", [1.0])
    row = bench.measure(Way("ours", model.invert))
    assert waits == ["wait", "invert", "wait"]
    assert row.scores.mse == 0 and row.seconds > 0


def test_warm_starts_on_a_gpu_are_timed(model, waits):
    row = warm_start.measure(model, [torch.zeros(1, 3, SIDE, SIDE)] * 2, "warm", 1)
    assert waits == ["invert", "wait", "invert", "wait"]
    assert row.scores.mse == 0 and row.seconds > 0
