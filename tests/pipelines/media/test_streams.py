"""What is beside the picture arrives unchanged, or is named."""

from fractions import Fraction

import av
import pytest

from pipelines.media import Provenance

from ..inspection import packet_digests

PROVENANCE = Provenance("videoinv", "1.2", "default", ("smile=2", "age=-1"))


def test_two_sound_tracks_stay_byte_by_byte(studio, tmp_path):
    source = studio.make("in.mp4", audio=("eng", "fra"))
    writer = studio.copy(source, tmp_path / "out.mp4")
    before = packet_digests(source)
    assert len(before) > 60
    assert packet_digests(tmp_path / "out.mp4") == before
    assert studio.languages(tmp_path / "out.mp4")[1:] == [("audio", "eng"), ("audio", "fra")]
    assert writer.dropped == []


def test_subtitles_stay_in_matroska_and_are_named_where_they_cannot(studio, tmp_path):
    plain = studio.make("plain.mkv", time_base=Fraction(1, 1000), pts=range(0, 800, 40))
    source = studio.with_subtitles(plain, "in.mkv")
    studio.copy(source, tmp_path / "out.mkv")
    lines = packet_digests(source, "subtitle")
    assert len(lines) == 2
    assert packet_digests(tmp_path / "out.mkv", "subtitle") == lines
    assert packet_digests(tmp_path / "out.mkv") == packet_digests(source)
    writer = studio.copy(source, tmp_path / "out.webm")
    assert [reason.split(" stream")[0] for reason in writer.dropped] == ["audio", "subtitle"]


def retagged(source, target, tag):
    """A copy in which the timecode track calls itself something else, as cameras' data do."""
    content = source.read_bytes()
    at = content.index(b"tmcd", content.rindex(b"stsd"))
    target.write_bytes(content[:at] + tag + content[at + 4 :])
    return target


def test_a_timecode_track_stays(studio, tmp_path):
    source = studio.make("in.mov", timecode="01:02:03:04")
    for name in ("out.mov", "out.mp4", "out.mkv"):
        writer = studio.copy(source, tmp_path / name)
        with av.open(str(tmp_path / name)) as container:
            tags = {key.lower(): tag for key, tag in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:02:03:04"
        assert not [reason for reason in writer.dropped if "data" in reason]
    assert packet_digests(tmp_path / "out.mov", "data") == packet_digests(source, "data") != []


def test_data_of_cameras_stay_in_mov_and_are_named_elsewhere(studio, tmp_path):
    source = retagged(studio.make("tc.mov", timecode="01:02:03:04"), tmp_path / "in.mov", b"mebx")
    assert studio.copy(source, tmp_path / "out.mov").dropped == []
    assert packet_digests(tmp_path / "out.mov", "data") == packet_digests(source, "data") != []
    for name in ("out.mp4", "out.mkv"):
        named = studio.copy(source, tmp_path / name).dropped
        assert [reason for reason in named if reason.startswith("data stream")]


def test_attachments_stay_in_matroska_and_are_named_elsewhere(studio, tmp_path):
    plain = studio.make("plain.mkv", time_base=Fraction(1, 1000), pts=range(0, 400, 40), audio=())
    source = tmp_path / "in.mkv"
    with av.open(str(plain)) as film, av.open(str(source), "w") as container:
        picture = container.add_stream_from_template(film.streams.video[0], opaque=True)
        container.add_attachment("font.ttf", "application/x-truetype-font", b"letters")
        for packet in film.demux():
            if packet.size:
                packet.stream = picture
                container.mux(packet)
    assert studio.copy(source, tmp_path / "out.mkv").dropped == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams[1].metadata["filename"] == "font.ttf"
    assert b"letters" in (tmp_path / "out.mkv").read_bytes()
    for name in ("out.mp4", "out.webm"):
        assert "attachment stream 1" in studio.copy(source, tmp_path / name).dropped[0]


def test_sound_and_picture_are_interleaved(studio, tmp_path):
    source = studio.make("in.mp4", pts=range(0, 120 * 512, 512))
    studio.copy(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        order = [(p.stream.type, p.pts * p.time_base) for p in container.demux() if p.size]
    heard = Fraction(0)
    for kind, time in order:
        if kind == "audio":
            heard = time
        else:
            assert time - heard < Fraction(1, 2)


def test_chapters_and_tags_stay_and_provenance_is_added(studio, tmp_path):
    source = studio.make("in.mp4", chapters=True)
    for name in ("out.mp4", "out.mov", "out.mkv", "out.webm"):
        writer = studio.copy(source, tmp_path / name, provenance=PROVENANCE)
        with av.open(str(tmp_path / name)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
            chapters = container.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["one", "two"]
        assert chapters[1]["start"] * chapters[1]["time_base"] == Fraction(3, 10)
        assert tags["title"] == "A title"
        assert tags["comment"].startswith("Mine. The face in this video was edited with AI")
        assert "smile=2, age=-1" in tags["description"]
        assert tags["encoded_by"] == "videoinv 1.2"
        lost = [reason for reason in writer.dropped if "stream" in reason]
        assert len(lost) == (name == "out.webm")  # AAC


def test_without_provenance_nothing_is_claimed(studio, tmp_path):
    studio.copy(studio.make("in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["comment"] == "Mine."
        assert "encoded_by" not in container.metadata


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_hevc_bears_the_tag_that_apples_players_ask_for(studio, tmp_path, name):
    source = studio.make("in.mp4", pixels="yuv420p10le", codec="libx265")
    studio.copy(source, tmp_path / name)
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.codec_tag) == ("hevc", "hvc1")
