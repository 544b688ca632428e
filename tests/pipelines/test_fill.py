"""Missed faces are filled, and no frame waits longer than it must."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fill import Found, filled
from pipelines.media.frame import Frame
from pipelines.steps import Step
from videoinv.faces.types import Face

IMAGE = np.zeros((2, 2, 3), np.uint8)


def found(place):
    box = np.array([place, 0.0, place + 10, 10.0])
    return Found(Face(box, np.full((5, 2), place), 0.9, np.full((468, 3), place)), 0, (0,))


def steps_of(layout):
    """Per frame the runs that are seen in it; a face is where its frame is."""
    for index, runs in enumerate(layout):
        frame = Frame(IMAGE, index, Fraction(1, 25), index)
        yield Step(frame, {run: found(float(index)) for run in runs})


@st.composite
def layouts(draw, max_gap=3):
    """Runs with gaps of at most ``max_gap`` frames."""
    frames = draw(st.integers(1, 40))
    layout = [set() for _ in range(frames)]
    for run in range(draw(st.integers(0, 4))):
        index = draw(st.integers(0, frames - 1))
        for _ in range(draw(st.integers(1, 12))):
            if index < frames:
                layout[index].add(run)
            index += 1 + draw(st.sampled_from([0, 0, 0, *range(max_gap + 1)]))
    return layout


@given(layouts())
def test_every_run_is_there_from_its_first_frame_to_its_last(layout):
    results = list(filled(steps_of(layout), max_gap=3))
    assert [step.frame.index for step in results] == list(range(len(layout)))
    for run in {run for runs in layout for run in runs}:
        seen = [index for index, runs in enumerate(layout) if run in runs]
        there = [step.frame.index for step in results if run in step.people]
        assert there == list(range(seen[0], seen[-1] + 1))
    for step in results:
        for person in step.people.values():
            assert np.allclose(person.face.mesh, step.frame.index)
            assert np.allclose(person.face.box[0], step.frame.index)


@given(layouts())
def test_frames_wait_only_for_who_may_come_back(layout):
    taken = []

    def source():
        for step in steps_of(layout):
            taken.append(step)
            yield step

    for step in filled(source(), max_gap=3):
        if len(taken) < len(layout):
            assert len(taken) - 1 - step.frame.index <= 4
    taken.clear()
    layout = [{0, 1}] * len(layout)
    for step in filled(source(), max_gap=3):
        assert len(taken) - 1 == step.frame.index
