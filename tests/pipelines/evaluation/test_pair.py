"""Two files against each other."""

import gc
import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.evaluation.pair import matched, score_pair
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.result import ResultScorer
from pipelines.evaluation.source import Look, SourceViews
from pipelines.media import Frame, VideoReader, VideoWriter
from videoinv.errors import BadInputError, MediaError

PIXEL = np.zeros((2, 2, 3), np.uint8)


def clip(times, time_base=Fraction(1, 1000)):
    return [Frame(PIXEL, time, time_base, index) for index, time in enumerate(times)]


def pairs(source, result):
    return [
        (frame.index, None if other is None else other.index)
        for frame, other in matched(clip(source), clip(result))
    ]


steps = st.lists(st.integers(20, 60), min_size=1, max_size=30)


@settings(deadline=None)
@given(steps, st.integers(-500, 500))
def test_equal_times_are_paired_one_to_one_from_any_start(distances, offset):
    times = np.cumsum([0, *distances]).tolist()
    expected = [(index, index) for index in range(len(times))]
    assert pairs(times, [time + offset for time in times]) == expected


@settings(deadline=None)
@given(steps, st.data())
def test_a_little_rounding_changes_nothing(distances, data):
    times = np.cumsum([0, *distances]).tolist()
    rounded = [time + data.draw(st.integers(-4, 4)) for time in times]
    assert pairs(times, rounded) == [(index, index) for index in range(len(times))]


@settings(deadline=None)
@given(st.integers(2, 30), st.data())
def test_frames_that_the_result_lacks_are_found(count, data):
    times = [40 * index for index in range(count)]
    dropped = data.draw(st.sets(st.integers(1, count - 1)))
    kept = [time for index, time in enumerate(times) if index not in dropped]
    missing = {index for index, other in pairs(times, kept) if other is None}
    assert missing == dropped


def test_a_result_at_twice_the_rate_is_read_at_the_sources_times():
    assert pairs([0, 40, 80], [0, 20, 40, 60, 80]) == [(0, 0), (1, 2), (2, 4)]


def test_an_empty_result_has_no_frame_for_anything():
    assert pairs([0, 40], []) == [(0, None), (1, None)]


def test_a_copy_of_a_file_is_perfect_and_a_report_is_written(short_clip, tmp_path, capsys):
    assert main(["evaluate", str(short_clip), str(short_clip), "-o", str(tmp_path)]) == 0
    assert "1 scored" in capsys.readouterr().err
    report = json.loads((tmp_path / "report.json").read_text())
    scores = next(iter(report["clips"].values()))["tracks"][0]["scores"]
    assert (scores["frames"], scores["scored"], scores["mse"]) == (3, 3, 0)
    assert scores["psnr"] == "inf"
    assert {p.name for p in tmp_path.iterdir()} == {
        "report.html",
        "report.json",
        "clips.csv",
        "frames.csv",
    }


def test_sizes_that_differ_are_refused(short_clip, tmp_path, networks):
    small = tmp_path / "small.mkv"
    with VideoReader(short_clip) as reader:
        frames = list(reader)
    make_small(small, [cv2.resize(frame.image, (320, 180)) for frame in frames])
    with pytest.raises(BadInputError, match="320×180"):
        score_pair(short_clip, small, networks)


def make_small(path, images):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = images[0].shape[1], images[0].shape[0]
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))


def test_missing_frames_are_named(short_clip, tmp_path, networks):
    shorter = tmp_path / "shorter.mp4"
    with VideoReader(short_clip) as reader, VideoWriter(shorter, reader) as writer:
        for frame in list(reader)[:2]:
            writer.write(frame)
    evaluation = score_pair(short_clip, shorter, networks)
    assert evaluation.notes == ("1 of the source's 3 frames have no frame in result",)
    assert evaluation.tracks[0].scores.scored == 2
    longer = score_pair(shorter, short_clip, networks)
    assert longer.notes == ("1 of the 3 frames in result are at other times and were not compared",)


def test_the_first_frames_of_a_pair(short_clip, tmp_path, capsys):
    command = ["evaluate", str(short_clip), str(short_clip), "-o", str(tmp_path / "e"), "--frames"]
    for frames in ("0", "-2"):
        assert main([*command, frames]) == 2
        assert f"--frames is {frames}; allowed are 1 and more" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()
    assert main([*command, "2"]) == 0
    assert "compared: the first 2 of the source's frames" in capsys.readouterr().err
    (report,) = json.loads((tmp_path / "e" / "report.json").read_text())["clips"].values()
    assert report["tracks"][0]["scores"]["frames"] == 2
    assert "the first 2" in report["notes"][0]


def test_a_mistake_leaves_no_folder(short_clip, tmp_path, capsys):
    command = ["evaluate", str(short_clip), "-o", str(tmp_path / "e"), "--edit", "smil=2"]
    assert main(command) == 2
    assert "smile" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()
    assert main([*command[:3], str(short_clip), *command[4:]]) == 2
    assert "it is a file" in capsys.readouterr().err


def test_what_is_no_video_is_refused(short_clip, tmp_path, networks):
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam,")
    with pytest.raises(MediaError, match=r"letter\.mp4"):
        score_pair(short_clip, letter, networks)


def test_crops_in_memory_do_not_grow_with_the_clip(networks, frames):
    views, scorer = SourceViews(networks), ResultScorer(networks)
    held = []
    for frame in frames[:5]:
        scorer.push(float(frame.time), views.push(frame.image), Picture(frame.image))
        held.append(sum(type(each) is Look for each in gc.get_objects()))
    assert held[4] == held[2]
