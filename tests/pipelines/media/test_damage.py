"""Damaged files lose what is damaged, and say how much; files that are no videos are refused."""

import av
import pytest

from pipelines.media import VideoReader
from videoinv.errors import MediaError

from ..inspection import packet_digests, timestamps

LONG = {"pts": range(0, 60 * 512, 512), "size": (160, 96), "options": {"g": "12"}}


def test_a_broken_packet_costs_its_frame_only(studio, tmp_path):
    source = studio.make("in.mp4", **LONG)
    whole, sound = timestamps(source), packet_digests(source)
    lost = studio.damage_a_packet(source)
    reader = VideoReader(source)
    kept = [frame.time for frame in reader]
    assert (reader.skipped, reader.truncated) == (1, False)
    assert set(whole) - set(kept) == {lost}
    studio.copy(source, tmp_path / "out.mp4")
    assert timestamps(tmp_path / "out.mp4") == kept
    assert packet_digests(tmp_path / "out.mp4") == sound


def test_frames_that_the_hevc_decoder_drops_silently_are_counted(studio):
    source = studio.make("in.mov", codec="libx265", **LONG)
    whole = len(timestamps(source))
    studio.damage_a_packet(source)
    reader = VideoReader(source)
    kept = sum(1 for _ in reader)
    assert 0 < reader.skipped == whole - kept < whole / 2


def test_a_lost_keyframe_leaves_the_others_in_order_and_at_their_times(studio):
    source = studio.make(
        "in.mp4", size=(320, 180), pts=range(0, 40 * 512, 512), options={"g": "10"}
    )
    whole = timestamps(source)
    assert studio.damage_a_packet(source) == whole[20]
    reader = VideoReader(source)
    kept = list(reader.times())
    # The decoder gives frame 28 before frame 19 here.
    assert set(kept) <= set(whole) and kept == sorted(kept)
    assert whole[19] in kept and len(whole) - len(kept) == reader.skipped > 1


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_a_truncated_file_ends_early(studio, tmp_path, name):
    source = studio.make(name, **LONG)
    whole = timestamps(source)
    undamaged = VideoReader(source)
    assert sum(1 for _ in undamaged) == 60 and not undamaged.truncated
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * 0.6)])
    reader = VideoReader(source)
    kept = [frame.time for frame in reader]
    assert reader.truncated
    # The last frames before the break may lack those that they depend on.
    assert 20 < len(kept) < 60 and kept[:-4] == whole[: len(kept) - 4]
    studio.copy(source, tmp_path / "out.mp4")
    assert timestamps(tmp_path / "out.mp4") == kept
    assert packet_digests(tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("talk.mp4", b"not a video, only text\n" * 50, "not a video"),
        ("talk.mp4", b"", "not a video"),
        ("talk.txt", b"not a video, only text\n" * 50, "text file"),
        ("page.mp4", b"<!DOCTYPE html><html>Quota exceeded</html>", "not a video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, name, content, complaint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=complaint) as caught:
        VideoReader(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_missing_folder_and_sound_only(studio, tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        VideoReader(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="a folder"):
        VideoReader(tmp_path)
    with av.open(str(studio.make("in.mp4"))) as film, av.open(str(tmp_path / "a.m4a"), "w") as out:
        sound = out.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux(audio=0):
            if packet.size:
                packet.stream = sound
                out.mux(packet)
    with pytest.raises(MediaError, match="only audio"):
        VideoReader(tmp_path / "a.m4a")
