"""The analysis of a clip: found again by content and settings, and kept within limits."""

import os

import pytest
import torch

from pipelines.cache.analysis import AnalysisCache, Keep
from pipelines.cache.latents import latent_of, tensors_of
from pipelines.cache.tape import Tape
from videoinv.errors import BadInputError, MediaError, OutputError
from videoinv.latents import Features, Latent


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"the content counts, not the name")
    return path


def analyse(folder, clip, settings, size=10, limit=None):
    """What one run reports, and what it says."""
    keep = None if folder is None else Keep(folder, limit)
    with AnalysisCache(keep, [clip]) as cache:
        cache.tape("faces", settings).play("detect", lambda: {"faces": torch.zeros(size)})
    return cache.summary(), cache.remarks


def computed(result):
    return result[0]["faces"] == {"read_back": 0, "computed": 1}


def test_the_same_content_and_settings_are_read_back(clip, tmp_path):
    assert computed(analyse(tmp_path / "c", clip, {"size": 256}))
    again, remarks = analyse(tmp_path / "c", clip, {"size": 256})
    assert again["faces"] == {"read_back": 1, "computed": 0} and remarks == []
    renamed = clip.rename(tmp_path / "other.mp4")
    assert not computed(analyse(tmp_path / "c", renamed, {"size": 256}))


def test_other_settings_stand_beside_each_other(clip, tmp_path):
    assert computed(analyse(tmp_path / "c", clip, {"size": 256}))
    assert computed(analyse(tmp_path / "c", clip, {"size": 512}))
    assert not computed(analyse(tmp_path / "c", clip, {"size": 256}))


def test_a_clip_that_was_changed_in_between_is_analysed_afresh_and_said_so(clip, tmp_path):
    analyse(tmp_path / "c", clip, {})
    clip.write_bytes(b"cut differently")
    result = analyse(tmp_path / "c", clip, {})
    assert computed(result)
    assert len(result[1]) == 1 and "analysed afresh" in result[1][0]


def test_beyond_the_limit_the_oldest_goes_and_that_is_said(clip, tmp_path):
    for age, settings in ((200, {"size": 1}), (100, {"size": 2})):
        analyse(tmp_path / "c", clip, settings, size=500)
        for path in (tmp_path / "c").iterdir():
            os.utime(path, (path.stat().st_mtime - age,) * 2)
    _, remarks = analyse(tmp_path / "c", clip, {"size": 3}, size=500, limit=5000)
    assert len(remarks) == 1 and "removed" in remarks[0]
    kept = [
        analyse(tmp_path / "c", clip, {"size": size})[0]["faces"]["read_back"] for size in (2, 3)
    ]
    assert kept == [1, 1]
    assert computed(analyse(tmp_path / "c", clip, {"size": 1}))


def test_what_was_only_played_back_is_not_the_oldest(clip, tmp_path):
    for age, size in ((200, 1), (100, 2)):
        analyse(tmp_path / "c", clip, {"size": size}, size=500)
        for path in (tmp_path / "c").iterdir():
            os.utime(path, (path.stat().st_mtime - age,) * 2)
    _, remarks = analyse(tmp_path / "c", clip, {"size": 1}, size=500, limit=3000)
    assert len(remarks) == 1 and "removed" in remarks[0]
    assert not computed(analyse(tmp_path / "c", clip, {"size": 1}))
    assert computed(analyse(tmp_path / "c", clip, {"size": 2}))


def test_tapes_that_another_run_holds_are_not_removed(clip, tmp_path):
    held = Tape(tmp_path / "held.tape")
    held.play("detect", lambda: {"faces": torch.zeros(500)})
    analyse(tmp_path, clip, {}, limit=0)
    assert [path.name for path in tmp_path.glob("*.tape")] == ["held.tape"]
    with pytest.raises(BadInputError), AnalysisCache(Keep(tmp_path), [clip]) as cache:
        theirs = AnalysisCache(Keep(tmp_path), [clip])
        theirs.__enter__()
        live = theirs.tape("faces", {})
        live.play("detect", lambda: {"faces": torch.zeros(1)})
        cache.tape("faces", {})
        raise BadInputError("there is no face 2")
    assert live.path.exists()
    held.close()
    live.close()


def test_tapes_that_another_run_removes_meanwhile_are_no_error(clip, tmp_path, monkeypatch):
    analyse(tmp_path / "c", clip, {"size": 1})
    gone = tmp_path / "c" / "gone.tape"
    glob = type(gone).glob
    monkeypatch.setattr(type(gone), "glob", lambda *given: [gone, *glob(*given)])
    summary, _ = analyse(tmp_path / "c", clip, {"size": 2}, limit=0)
    assert summary["megabytes"] == 0 and not (tmp_path / "c").exists()


def test_after_an_error_everything_stays(clip, tmp_path):
    keep = Keep(tmp_path / "c", limit=0)
    with pytest.raises(KeyboardInterrupt), AnalysisCache(keep, [clip]) as cache:
        cache.tape("faces", {}).play("detect", lambda: {"faces": torch.zeros(1)})
        raise KeyboardInterrupt
    assert not computed(analyse(tmp_path / "c", clip, {}))


def test_a_mistake_of_the_callers_leaves_nothing(clip, tmp_path):
    keep = Keep(tmp_path / "c")
    with pytest.raises(BadInputError), AnalysisCache(keep, [clip]) as cache:
        cache.tape("faces", {}).play("detect", lambda: {"faces": torch.zeros(1)})
        raise BadInputError("there is no face 2")
    assert not keep.folder.exists()


def test_without_a_folder_nothing_is_kept(clip, tmp_path):
    summary, remarks = analyse(None, clip, {})
    assert summary == {} and remarks == [] and list(tmp_path.iterdir()) == [clip]


def test_a_file_in_the_folders_place_is_refused_and_left_alone(clip, tmp_path):
    with pytest.raises(OutputError, match="--no-cache"), AnalysisCache(Keep(clip), [clip]):
        pass
    assert clip.read_bytes().startswith(b"the content")


def test_a_clip_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MediaError, match="cannot be read"):
        analyse(tmp_path / "c", tmp_path / "none.mp4", {})


def test_edits_of_one_clip_share_a_folder(tmp_path):
    source = tmp_path / "in" / "talk.mp4"
    folders = {Keep.beside(tmp_path / "out" / name, source).folder for name in ("a.mp4", "b.mkv")}
    assert folders == {tmp_path / "out" / "talk.videoinv"}


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_a_latent_survives_its_parts(mode):
    latent = Latent(
        torch.randn(2, 5, 8),
        Features(torch.randn(2, 4, 3, 3).half().float(), 3, mode),
        {"conv.weight": torch.randn(2, 3)},
    )
    again = latent_of(tensors_of(latent))
    assert torch.equal(again.codes, latent.codes)
    assert torch.equal(again.features.tensor, latent.features.tensor)
    assert (again.features.layer, again.features.mode) == (3, mode)
    assert torch.equal(again.weight_offsets["conv.weight"], latent.weight_offsets["conv.weight"])


def test_a_latent_of_codes_alone_stays_one():
    again = latent_of(tensors_of(Latent(torch.randn(1, 5, 8))))
    assert again.features is None and not again.weight_offsets
