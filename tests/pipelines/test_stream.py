"""Stages side by side: order, back-pressure, the first error, and no thread left behind."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stream import ROOM, Stream, StreamStoppedError
from pipelines.timing import StageTimes
from videoinv.errors import MissingExtraError, OutputError

WAYS = pytest.mark.parametrize("side_by_side", [True, False])


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def failing(items, at, error):
    for item in items:
        if item == at:
            raise error
        yield item


def slow(items, seconds):
    for item in items:
        time.sleep(seconds)
        yield item


def late(items, frames):
    """Holds some items back, as a filter with look-ahead does."""
    waiting = []
    for item in items:
        waiting.append(item)
        if len(waiting) > frames:
            yield waiting.pop(0)
    yield from waiting


@given(st.integers(0, 40), st.lists(st.integers(0, 9), max_size=4))
@settings(max_examples=40, deadline=None)
def test_every_item_comes_out_once_and_in_order(count, delays):
    with Stream(StageTimes()) as stream:
        items = stream.stage("source", range(count))
        for delay in delays:
            items = stream.stage("late", late(items, delay))
        assert list(items) == list(range(count))


def test_a_full_queue_holds_the_stages_before_it_back():
    made = []

    def source():
        for item in range(100):
            made.append(item)
            yield item

    with Stream(StageTimes()) as stream:
        items = stream.stage("second", stream.stage("source", source()))
        next(items)
        time.sleep(0.2)
        # One with us; ROOM waiting behind each stage, and one in its hands.
        assert len(made) == 1 + 2 * (ROOM + 1)


@WAYS
def test_an_error_keeps_its_type_and_names_stage_and_frame(side_by_side):
    closed = []

    def source():
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread().name)

    with (
        pytest.raises(OutputError, match=r"^the disk is full \(stage 'encode', frame 7\)$"),
        Stream(StageTimes(), side_by_side=side_by_side) as stream,
    ):
        items = stream.stage("decode", source())
        items = stream.stage("encode", failing(items, 7, OutputError("the disk is full")))
        for _ in stream.stage("measure", items):
            pass
    assert len(closed) == 1
    assert not side_by_side or closed == ["videoinv decode"]


def test_an_error_of_the_source_names_the_frame_that_it_was_making():
    with (
        pytest.raises(OutputError, match="stage 'decode', frame 5"),
        Stream(StageTimes()) as stream,
    ):
        source = stream.stage("decode", failing(range(9), 5, OutputError("broken")))
        list(stream.stage("locate", source))


@WAYS
def test_an_error_that_is_not_ours_says_where_in_a_note(side_by_side):
    with (
        pytest.raises(ZeroDivisionError) as caught,
        Stream(StageTimes(), side_by_side=side_by_side) as stream,
    ):
        list(stream.stage("invert", (1 // (3 - item) for item in range(9))))
    assert caught.value.__notes__ == ["in stage 'invert', frame 3"]


def test_an_error_with_arguments_of_its_own_keeps_its_message():
    error = MissingExtraError("dlib", "dlib", "the 68-point predictor")
    with pytest.raises(MissingExtraError) as caught, Stream(StageTimes()) as stream:
        list(stream.stage("locate", failing(range(3), 0, error)))
    assert "pip install 'videoinv[dlib]'" in str(caught.value)


def test_the_consumers_own_error_comes_out_as_it_is():
    with pytest.raises(KeyboardInterrupt), Stream(StageTimes()) as stream:
        for item in stream.stage("second", stream.stage("first", range(1000))):
            if item == 3:
                raise KeyboardInterrupt


def test_a_consumer_that_leaves_early_ends_the_stages():
    with Stream(StageTimes()) as stream:
        assert next(stream.stage("second", stream.stage("first", range(10**9)))) == 0


def test_a_stage_that_works_long_on_one_frame_can_be_ended():
    ended = threading.Event()

    def endless(stream, items):
        for item in items:
            try:
                while True:
                    stream.check()
                    time.sleep(0.01)
            except StreamStoppedError:
                ended.set()
                raise
            yield item

    with pytest.raises(KeyboardInterrupt), Stream(StageTimes()) as stream:
        stream.stage("invert", endless(stream, stream.stage("decode", range(9))))
        time.sleep(0.05)
        raise KeyboardInterrupt
    assert ended.is_set()


def test_own_times_leave_out_the_waiting_and_stages_overlap():
    times = StageTimes()
    with Stream(times) as stream:
        items = stream.stage("decode", slow(range(20), 0.005))
        items = stream.stage("invert", slow(items, 0.02))
        list(stream.stage("encode", slow(items, 0.01)))
        wall = times.wall
    assert times.slowest == "invert"
    assert times.seconds["decode"] < 0.6 * times.seconds["invert"]
    assert wall < 0.9 * sum(times.seconds.values())


def test_a_stage_within_a_stage_has_a_time_of_its_own():
    times = StageTimes()
    with Stream(times) as stream:
        items = stream.stage("decode", range(10))
        items = times.timed("steady", slow(times.timed("locate", slow(items, 0.01)), 0.03))
        list(stream.stage("place", items))
    assert times.seconds["steady"] > times.seconds["locate"] >= 0.1
    assert times.seconds["place"] < 0.1


def test_in_turns_the_times_add_up_to_the_clock():
    times = StageTimes()
    with Stream(times, side_by_side=False) as stream:
        list(stream.stage("invert", slow(stream.stage("decode", slow(range(10), 0.01)), 0.02)))
        wall = times.wall
    assert sum(times.seconds.values()) == pytest.approx(wall, rel=0.2)
