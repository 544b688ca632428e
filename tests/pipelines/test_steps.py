"""Stages: smoothing keeps order and people, and never looks across a segment."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.media.frame import Frame
from pipelines.steps import Step, chunked, filtered
from pipelines.timing import StageTimes
from stabilization.filters import Gaussian, filter_segments


@dataclass(frozen=True)
class Person:
    value: float


def steps_of(layout, values):
    """``layout``: per frame the segment, or None for nobody."""
    image = np.zeros((2, 2, 3), np.uint8)
    return [
        Step(
            Frame(image, index, Fraction(1, 25), index),
            segment if segment is not None else 99,
            None if segment is None else Person(values[index]),
        )
        for index, segment in enumerate(layout)
    ]


layouts = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.integers(1, 9)), max_size=6
).map(lambda runs: [segment for segment, length in runs for _ in range(length)])


def smooth(steps):
    return filtered(
        steps,
        lambda: Gaussian(1.5),
        lambda person: np.array([person.value]),
        lambda person, value: replace(person, value=float(value[0])),
    )


@given(layouts, st.randoms(use_true_random=False))
def test_smoothing_is_the_offline_filter_on_every_run_of_a_segment(layout, random):
    values = [random.uniform(-9, 9) for _ in layout]
    results = list(smooth(iter(steps_of(layout, values))))
    assert [step.frame.index for step in results] == list(range(len(layout)))
    begin = 0
    while begin < len(layout):
        end = begin
        while end < len(layout) and layout[end] == layout[begin]:
            end += 1
        if layout[begin] is None:
            assert all(step.person is None for step in results[begin:end])
        else:
            run = np.array(values[begin:end])[:, None]
            offline = filter_segments(lambda: Gaussian(1.5), run)[:, 0]
            assert np.allclose([step.person.value for step in results[begin:end]], offline)
        begin = end


def test_smoothing_streams():
    taken = []

    def source():
        for step in steps_of([0] * 100, [0.0] * 100):
            taken.append(step)
            yield step

    next(smooth(source()))
    assert len(taken) == Gaussian(1.5).delay + 1


@given(layouts, st.integers(1, 5))
def test_chunks_hold_people_of_one_segment_or_one_frame_without(layout, size):
    steps = steps_of(layout, [0.0] * len(layout))
    chunks = list(chunked(iter(steps), size))
    assert [step for chunk in chunks for step in chunk] == steps
    for chunk in chunks:
        assert len(chunk) <= size
        assert len({step.segment for step in chunk}) == 1
        assert len(chunk) == 1 or all(step.person is not None for step in chunk)


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
