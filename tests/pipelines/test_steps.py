"""Stages: smoothing keeps order and people, and never looks from one run into another."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from pipelines.media.frame import Frame
from pipelines.steps import Step, by_run, chunked, filtered
from pipelines.timing import StageTimes
from stabilization.filters import Gaussian


@dataclass(frozen=True)
class Person:
    value: float


def steps_of(layout):
    """``layout``: per frame the runs in it, each with its value."""
    image = np.zeros((2, 2, 3), np.uint8)
    return [
        Step(
            Frame(image, index, Fraction(1, 25), index),
            {run: Person(value) for run, value in people.items()},
        )
        for index, people in enumerate(layout)
    ]


@st.composite
def layouts(draw):
    """Frames with runs of several people that begin and end anywhere, but never come back."""
    frames = draw(st.integers(0, 30))
    layout = [{} for _ in range(frames)]
    for run in range(draw(st.integers(0, 5)) if frames else 0):
        begin = draw(st.integers(0, frames - 1))
        for index in range(begin, draw(st.integers(begin + 1, frames))):
            layout[index][run] = draw(st.floats(-9, 9))
    return layout


def smooth(steps):
    return filtered(
        steps,
        lambda: Gaussian(1.5),
        lambda person: np.array([person.value]),
        lambda person, value: replace(person, value=float(value[0])),
    )


@given(layouts())
def test_smoothing_is_the_offline_filter_on_every_run(layout):
    results = list(smooth(iter(steps_of(layout))))
    assert [step.frame.index for step in results] == list(range(len(layout)))
    assert [list(step.people) for step in results] == [list(people) for people in layout]
    for run in {run for people in layout for run in people}:
        values = np.array([people[run] for people in layout if run in people])
        offline = gaussian_filter1d(values, 1.5, mode="nearest", truncate=3.0)
        ours = [step.people[run].value for step in results if run in step.people]
        assert np.allclose(ours, offline)


def test_smoothing_streams():
    taken = []

    def source():
        for step in steps_of([{0: 0.0, 1: 1.0}] * 100):
            taken.append(step)
            yield step

    next(smooth(source()))
    assert len(taken) == Gaussian(1.5).delay + 1


@given(layouts(), st.integers(1, 5))
def test_chunks_hold_all_frames_in_order(layout, size):
    steps = steps_of(layout)
    chunks = list(chunked(iter(steps), size))
    assert [step for chunk in chunks for step in chunk] == steps
    assert all(len(chunk) == size for chunk in chunks[:-1])
    for chunk in chunks:
        people = [(at, run, person) for run, some in by_run(chunk).items() for at, person in some]
        assert len(people) == sum(len(step.people) for step in chunk)
        assert all(chunk[at].people[run] is person for at, run, person in people)


def test_times_of_nested_stages_are_not_counted_twice(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("pipelines.timing.time.perf_counter", lambda: now[0])
    times = StageTimes()

    def inner():
        for item in range(3):
            now[0] += 1.0
            yield item

    def outer(items):
        for item in items:
            now[0] += 10.0
            yield item

    for _ in times.timed("outer", outer(times.timed("inner", inner()))):
        now[0] += 100.0  # the consumer's own time belongs to nobody
    assert times.seconds == {"inner": 3.0, "outer": 30.0}
