"""The files of RAVDESS: found by name, chosen the same everywhere."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evaluation.ravdess import Code, choose, deterministic_120, find_files
from videoinv.errors import BadInputError


@cache
def whole_tree():
    """All audio-visual speech and song files of the database, by code."""
    codes = [
        Code(modality, channel, f"{emotion:02}", intensity, statement, repetition, f"{actor:02}")
        for modality in ("01", "02")
        for channel, emotions in (("01", range(1, 9)), ("02", range(1, 7)))
        for emotion in emotions
        for intensity in (("01",) if emotion == 1 else ("01", "02"))
        for statement in ("01", "02")
        for repetition in ("01", "02")
        for actor in range(1, 25)
        if not (channel == "02" and actor == 18)
    ]
    return {code: Path(f"Actor_{code.actor}/{code}.mp4") for code in sorted(codes)}


def test_an_actor_has_120_speech_files_as_published():
    files = [code for code in whole_tree() if (code.actor, code.channel) == ("05", "01")]
    assert len(files) == 120


def test_the_deterministic_120():
    chosen = choose(whole_tree())
    assert len(chosen.files) == len(set(chosen.files)) == 120
    assert chosen.missing == ()
    codes = [Code.of(path) for path in chosen.files]
    assert {code.actor for code in codes} == {f"{actor:02}" for actor in range(1, 25)}
    assert {code.emotion for code in codes} == {"01", "03", "05", "06", "08"}
    fixed = {(c.modality, c.channel, c.intensity, c.statement, c.repetition) for c in codes}
    assert fixed == {("02", "01", "01", "01", "01")}


def test_what_the_folder_lacks_is_named():
    found = {code: path for code, path in whole_tree().items() if code.actor != "07"}
    chosen = choose(found)
    assert len(chosen.files) == 115
    assert len(chosen.missing) == 5
    assert all(name.endswith("-07") for name in chosen.missing)


@settings(deadline=None)
@given(st.integers(1, 1440), st.integers(0, 100))
def test_a_sample_takes_speech_of_one_modality_and_no_trial_twice(count, seed):
    codes = [Code.of(path) for path in choose(whole_tree(), sample=count, seed=seed).files]
    assert len(set(codes)) == count
    assert {(code.modality, code.channel) for code in codes} == {("02", "01")}


def test_a_sample_depends_on_seed_and_codes_alone():
    tree = whole_tree()
    moved = {code: Path("elsewhere") / path.name for code, path in tree.items()}
    names = [path.name for path in choose(tree, sample=10, seed=3).files]
    assert names == [path.name for path in choose(moved, sample=10, seed=3).files]
    assert names != [path.name for path in choose(tree, sample=10, seed=4).files]
    assert names == sorted(names)


def test_the_modality_with_sound_can_be_asked_for():
    assert {Code.of(p).modality for p in choose(whole_tree(), modality="01").files} == {"01"}


def test_files_are_found_wherever_the_archive_was_unpacked(tmp_path):
    for name in (
        "Video_Speech_Actor_05/Actor_05/02-01-03-01-01-01-05.mp4",
        "again/Actor_05/02-01-03-01-01-01-05.mp4",
        "Actor_05/01-01-03-01-01-01-05.mp4",
        "Actor_05/03-01-03-01-01-01-05.wav",
        "Actor_05/holiday.mp4",
        "Actor_05/02-01-03-01-01-01-05 (1).mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [str(code) for code in find_files(tmp_path)] == [
        "01-01-03-01-01-01-05",
        "02-01-03-01-01-01-05",
    ]


def test_folders_that_hold_nothing_of_use_are_refused(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        find_files(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="no file named as in RAVDESS"):
        find_files(tmp_path)
    song = {code: path for code, path in whole_tree().items() if code.channel == "02"}
    with pytest.raises(BadInputError, match="none of the 120"):
        choose(song)
    with pytest.raises(BadInputError, match="sample of 1441 from 1440"):
        choose(whole_tree(), sample=1441)


def test_the_list_is_in_the_order_of_actors():
    assert [str(code) for code in deterministic_120()[:2]] == [
        "02-01-01-01-01-01-01",
        "02-01-03-01-01-01-01",
    ]
