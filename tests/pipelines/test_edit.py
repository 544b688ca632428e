"""The main job on a real clip: what must change changes, and nothing else does."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from pipelines.cli import main
from pipelines.media import VideoReader, VideoWriter
from pipelines.pictures import write_picture
from videoinv.checkpoints.fetch import fetch

from .inspection import packet_digests, timestamps

FRAMES = 6
FAST = ("--size", "256", "--steps", "1")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Six frames of a real person with sound, between two frames without anybody."""
    source = fetch("clip-webcam-smile")
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    reader = VideoReader(source)
    frames = list(reader.frames(stop=Fraction(FRAMES + 2, 30)))
    with VideoWriter(path, reader, crf=10) as writer:
        for frame in frames:
            empty = frame.index in (0, len(frames) - 1)
            image = np.full_like(frame.image, 90) if empty else frame.image
            writer.write(type(frame)(image, frame.pts, frame.time_base, frame.index))
    return path


@pytest.fixture(scope="module")
def edited(clip):
    """The clip, edited as by default."""
    output, report, sheet = (clip.with_name(name) for name in ("out.mp4", "out.json", "out.png"))
    arguments = ["edit", str(clip), "-o", str(output), "--edit", "smile=3"]
    assert main([*arguments, "--report", str(report), "--sheet", str(sheet)]) == 0
    return output, json.loads(report.read_text()), sheet


def test_every_timestamp_and_every_packet_of_sound_is_kept(clip, edited):
    output, _, _ = edited
    assert timestamps(output) == timestamps(clip)
    assert packet_digests(output) == packet_digests(clip)


def test_the_face_changes_and_the_rest_stays(clip, edited):
    output, _, _ = edited
    for before, after in zip(VideoReader(clip), VideoReader(output), strict=True):
        change = np.abs(before.image.astype(float) - after.image)
        empty = before.index in (0, FRAMES + 1)
        corner = np.square(change[:, :150]).mean()
        assert 10 * np.log10(255**2 / max(corner, 1e-9)) > 40
        assert (change.max() > 25) == (not empty)


def test_the_report_counts_and_measures(edited):
    _, report, _ = edited
    assert (report["frames"], report["faces"], report["passed_through"]) == (8, 6, 2)
    assert {"decode", "locate", "invert", "render", "paste", "encode"} <= set(report["seconds"])
    assert report["measures"]["attributes"]["smile"]["moved"] > 0.9
    rows = report["per_frame"]
    assert [row["person"] for row in rows] == [None, *[1] * 6, None]
    assert (rows[0]["seconds"], rows[0]["identity"], rows[0]["attributes"]) == (0, None, None)
    assert rows[3]["seconds"] == 0.1
    smiles = [row["attributes"]["smile"] for row in rows[1:7]]
    assert np.mean(smiles) == pytest.approx(report["measures"]["attributes"]["smile"]["mean"], 1e-3)
    # Three steps of inversion do not hold a person: the bar stands with the whole clips.
    assert 0 < report["measures"]["identity"]["least"] <= report["measures"]["identity"]["mean"] < 1
    assert report["model"]["terms"]


def test_lips_may_be_led_by_the_source(clip, tmp_path):
    output, report = tmp_path / "out.mp4", tmp_path / "out.json"
    arguments = ["edit", str(clip), "-o", str(output), "--edit", "smile=2", *FAST, "--lip-sync"]
    assert main([*arguments, "--report", str(report)]) == 0
    assert json.loads(report.read_text())["measures"]["attributes"]["smile"]["mean"] > 0.5


def test_the_output_says_that_it_was_edited(edited):
    output, _, _ = edited
    with av.open(str(output)) as container:
        said = " ".join(container.metadata.values())
    assert "edited with AI" in said and "smile=3" in said


def test_the_sheet_shows_four_columns(edited):
    import cv2

    _, _, sheet = edited
    picture = cv2.imread(str(sheet))
    assert picture.shape[1] == 4 * 256
    assert picture.shape[0] > 256


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["IN", "-o", "OUT", "--edit", "smlie=1"], 2, "smile"),
        (["IN", "-o", "OUT", "--edit", "smile"], 2, "STRENGTH"),
        (["TEXT", "-o", "OUT"], 2, "not a video"),
        (["MISSING", "-o", "OUT"], 2, "no such file"),
        (["IN", "-o", "NOWHERE/out.mp4", "--edit", "smlie=1"], 2, "smile"),
        (["IN", "-o", "OUT", "--report", "TEXT/r.json"], 2, "it is a file"),
        (["IN", "-o", "OUT", "--cache", "TEXT"], 2, "it is a file"),
        (["IN", "-o", "SUFFIXLESS"], 2, "a slash at its end"),
        (["IN", "IN", "-o", "SUFFIXLESS"], 2, "a slash at its end"),
        (["IN", "-o", "PICTURE"], 2, "videoinv invert"),
        (["IN", "-o", "OUT", "--sheet", "OUT"], 2, ".png, .jpg"),
        (["IN", "-o", "IN"], 2, "input itself"),
        (["IN", "-o", "OUT", "--encoder", "magic"], 2, "optimize"),
        (["IN", "-o", "OUT", "--device", "abacus"], 2, "cuda"),
        (["IN", "-o", "OUT", "--chunk", "0"], 2, "1 and more"),
        (["IN", "-o", "OUT", "--detect-every", "0"], 2, "1 and more"),
        (["IN", "-o", "OUT", "--code-sigma", "-1"], 2, "--code-sigma is -1"),
        (["IN", "-o", "OUT", "--code-sigma", "1e9"], 2, "0 to 30"),
        (["IN", "-o", "OUT", "--size", "0"], 2, "1 to 1024"),
        (["IN", "-o", "OUT", "--size", "99999"], 2, "1 to 1024"),
        (["IN", "-o", "OUT", "--crf", "999"], 2, "0 to 51"),
        (["IN", "-o", "OUT", "--adapt", "-1"], 2, "0 and more"),
        (["IN", "-o", "OUT", "--region", ""], 2, "regions are"),
        (["IN", "-o", "OUT", "--edit", "smile=1:rows=30-40"], 2, "rows 30-40: this"),
        (["IN", "-o", "OUT", "--face", "0"], 2, "counted from 1"),
        (["IN", "-o", "OUT", "--face", "anna"], 2, "'largest'"),
        (["IN", "-o", "OUT", "--face", "WALL"], 2, "shows no face"),
        (["IN", "-o", "OUT", "--edit", "nobody.png:smile=1"], 2, "nobody.png cannot be read"),
        (["IN", "-o", "OUT", "--face", "2", *FAST], 2, "no face 2"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    arguments, code, words, clip, tmp_path, capsys
):
    text = tmp_path / "letter.mp4"
    text.write_text("Dear Sir or Madam,")
    wall = clip.with_name("wall.png")
    write_picture(wall, np.full((64, 64, 3), 90, np.uint8))
    places = {
        "IN": clip,
        "WALL": wall,
        "TEXT": text,
        "MISSING": tmp_path / "none.mp4",
        "OUT": tmp_path / "out.mp4",
        "NOWHERE/out.mp4": tmp_path / "nowhere" / "out.mp4",
        "TEXT/r.json": text / "r.json",
        "SUFFIXLESS": tmp_path / "out",
        "PICTURE": tmp_path / "out.jpg",
    }
    assert main(["edit", *(str(places.get(a, a)) for a in arguments)]) == code
    said = capsys.readouterr().err.strip()
    assert words in said and len(said.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letter.mp4"]


def test_bad_usage_is_argparses_own_exit(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["edit"])
    assert caught.value.code == 2
    assert "required" in capsys.readouterr().err
