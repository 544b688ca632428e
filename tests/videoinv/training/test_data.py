import copy
import itertools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videoinv.editing.directions import load_directions
from videoinv.errors import BadInputError
from videoinv.latents import Latent
from videoinv.training.augment import PAPERS, Augmentation, degraded, photometric
from videoinv.training.data import Mixture, TrainingData
from videoinv.training.photos import Joined, Photographs
from videoinv.training.synthetic import W_ONLY, Sampling, random_codes, sample_codes

SMALL = Mixture(2, 1, 32)
PLAIN = Augmentation(flip=0, framing=0, light=0, contrast=0, colour=0, compression=0, blur=0)


def make(generator, photos, mixture=SMALL, how=PLAIN, **options):
    return TrainingData(generator, photos, mixture, how, Sampling(), **options)


def test_a_zip_and_its_unpacked_folder_hold_the_same_images(photo_zip, tmp_path):
    with zipfile.ZipFile(photo_zip) as archive:
        archive.extractall(tmp_path)
    packed, unpacked = Photographs(photo_zip, 32), Photographs(tmp_path, 32)
    assert packed.names == unpacked.names == [f"a/{i}.png" for i in range(7)]
    assert all(np.array_equal(a, b) for a, b in zip(packed, unpacked, strict=True))
    assert packed[0].shape == (32, 32, 3)


def test_what_holds_no_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(BadInputError, match="no image"):
        Photographs(tmp_path)
    with pytest.raises(BadInputError, match="neither a folder nor a zip"):
        Photographs(tmp_path / "notes.txt")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 cut off")
    with pytest.raises(BadInputError, match=r"broken\.jpg"):
        Photographs(tmp_path)[0]


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadInputError, match=r"'empty\.jpg' cannot be decoded; remove"):
        Photographs(tmp_path)[0]


def test_a_damaged_member_of_a_zip_is_named(photo_zip, tmp_path):
    data = bytearray(photo_zip.read_bytes())
    with zipfile.ZipFile(photo_zip) as archive:
        place = archive.getinfo("a/3.png").header_offset + 100
    data[place] ^= 255
    (tmp_path / "damaged.zip").write_bytes(data)
    photos = Photographs(tmp_path / "damaged.zip", 32)
    assert photos[2].shape == (32, 32, 3)
    with pytest.raises(BadInputError, match=r"'a/3\.png' cannot be read .*CRC.*; remove"):
        photos[3]


def test_what_macos_puts_beside_files_is_no_image(photo_zip, tmp_path):
    path = tmp_path / "mac.zip"
    with zipfile.ZipFile(photo_zip) as archive, zipfile.ZipFile(path, "w") as other:
        for name in ("a/0.png", "a/1.png"):
            other.writestr(name, archive.read(name))
        other.writestr("__MACOSX/a/._0.png", b"attributes")
        other.writestr("__MACOSX/a/1.png", b"attributes")
        other.writestr("a/._1.png", b"attributes")
    assert Photographs(path).names == ["a/0.png", "a/1.png"]
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert Photographs(tmp_path / "unpacked").names == ["a/0.png", "a/1.png"]


@given(st.lists(st.integers(0, 4), max_size=5))
def test_joined_sources_follow_each_other(lengths):
    sources = [
        [np.full((1, 1, 3), 10 * i + j, np.uint8) for j in range(n)] for i, n in enumerate(lengths)
    ]
    joined = Joined(sources)
    expected = [int(image[0, 0, 0]) for image in itertools.chain(*sources)]
    assert [int(joined[i][0, 0, 0]) for i in range(len(joined))] == expected
    with pytest.raises(IndexError):
        joined[len(expected)]


def test_batches_depend_on_seed_worker_and_step_only(generator, photo_zip):
    photos = Photographs(photo_zip, 32)
    how = Augmentation()
    stream = make(generator, photos, how=how).batches()
    first = [next(stream) for _ in range(4)]
    later = next(make(generator, photos, how=how).batches(3))
    assert torch.equal(later.inputs, first[3].inputs)
    assert torch.equal(later.codes, first[3].codes)
    assert torch.equal(make(generator, photos, how=how).batch(2).targets, first[2].targets)
    for other in ({"seed": 1}, {"worker": 1}):
        changed = make(generator, photos, how=how, **other).batch(3)
        assert not torch.equal(changed.inputs, later.inputs)
        assert not torch.equal(changed.codes, later.codes)


def test_every_photograph_is_seen_once_per_epoch(generator, photo_zip):
    photos = Photographs(photo_zip, 32)
    data = make(generator, photos, Mixture(1, 0, 32))
    seen = {data.batch(step).inputs.sum().item() for step in range(7)}
    assert len(seen) == 7
    assert data.batch(7).inputs.sum().item() in seen


def test_real_faces_come_first_and_synthetic_ones_are_made_from_their_codes(generator, photo_zip):
    batch = make(generator, Photographs(photo_zip, 32)).batch(0)
    assert batch.real == 2
    assert batch.inputs.shape == (3, 3, 32, 32)
    rendered = generator.synthesize(Latent(batch.codes), 32).clamp(-1, 1)
    assert (rendered - batch.targets[2:]).abs().max() <= 1 / 255 + 1e-6


def test_relit_faces_are_sampled_but_have_no_known_codes(generator, photo_zip):
    mixture = Mixture(1, 1, 32, relit=2)
    how = Augmentation(framing=0, compression=0, blur=0)
    batch = make(generator, Photographs(photo_zip, 32), mixture, how).batch(0)
    assert batch.real == 3
    assert batch.codes.shape[0] == 1
    rendered = generator.synthesize(Latent(batch.codes), 32).clamp(-1, 1)
    assert (rendered - batch.targets[3:]).abs().max() <= 1 / 255 + 1e-6


def test_framing_moves_a_picture_by_no_more_than_it_says():
    y, x = np.mgrid[:64, :64]
    blob = np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 32)
    image = np.repeat((255 * blob).astype(np.uint8)[..., None], 3, axis=2)
    how = Augmentation(flip=0, light=0, contrast=0, colour=0, framing=0.05)
    moves = []
    for seed in range(20):
        seen = photometric(image, how, np.random.default_rng(seed))[..., 0].astype(float)
        moves.append([(seen * axis).sum() / seen.sum() - 32 for axis in (x, y)])
    assert 0.02 * 64 < np.abs(moves).max() < 0.055 * 64


def test_real_images_need_photographs(generator):
    with pytest.raises(BadInputError, match="no photographs"):
        make(generator, [])
    assert make(generator, [], Mixture(0, 2, 32)).batch(0).real == 0


def test_w_only_stays_in_w_and_mixing_leaves_it(generator):
    rng = torch.Generator().manual_seed(0)
    codes = sample_codes(generator, 16, W_ONLY, rng)
    torch.testing.assert_close(codes, codes[:, :1].expand_as(codes))
    spread = sample_codes(generator, 64, Sampling(), rng)
    equal = (spread == spread[:, :1]).all(dim=2).all(dim=1)
    assert 0.2 < equal.float().mean() < 0.6  # (1 − crossing) · (1 − blending) = 0.375


def test_crossing_takes_all_later_rows_from_one_other_style(generator):
    rng = torch.Generator().manual_seed(1)
    codes = sample_codes(generator, 32, Sampling((1, 1), 1.0, 0.0), rng)
    changes = (codes[:, 1:] != codes[:, :-1]).any(dim=2).sum(dim=1)
    assert changes.tolist() == [1] * 32


def test_moves_go_along_directions_only_and_change_no_other_draw(generator):
    rng = torch.Generator()
    still = sample_codes(generator, 64, W_ONLY, rng.manual_seed(2))
    moved = sample_codes(generator, 64, replace(W_ONLY, moved=0.8), rng.manual_seed(2))
    directions = torch.stack([d.rows(generator.styles) for d in load_directions().values()])
    change, flat = (moved - still).flatten(1), directions.flatten(1)
    strengths = torch.linalg.lstsq(flat.T, change.T).solution.T
    torch.testing.assert_close(strengths @ flat, change, atol=1e-4, rtol=1e-4)
    assert 0.7 < strengths.std() < 0.9
    assert abs(strengths.mean()) < 0.1


def test_random_codes_are_drawn_on_the_cpu_wherever_the_generator_is(generator):
    elsewhere = copy.deepcopy(generator).to("meta")
    torch.manual_seed(5)
    codes = random_codes(generator, 2)
    after = torch.get_rng_state()
    torch.manual_seed(5)
    assert random_codes(elsewhere, 2).device.type == "meta"
    assert torch.equal(torch.get_rng_state(), after)
    noise = torch.randn(2, 512, generator=torch.Generator().manual_seed(5))
    assert torch.equal(codes, generator.map(noise))


def picture(seed=0):
    return np.random.default_rng(seed).integers(60, 196, (24, 24, 3), dtype=np.uint8)


def test_the_papers_mirror_and_nothing_else():
    image = picture()
    seen = [photometric(image, PAPERS, np.random.default_rng(s)) for s in range(20)]
    mirrored = [np.array_equal(x, image[:, ::-1]) for x in seen]
    assert 4 < sum(mirrored) < 16
    assert all(m or np.array_equal(x, image) for m, x in zip(mirrored, seen, strict=True))
    assert np.array_equal(degraded(image, PAPERS, np.random.default_rng(0)), image)


def test_light_and_compression_change_images_within_bounds():
    image = picture()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lit = photometric(image, Augmentation(flip=0), rng)
        assert 0 < np.abs(lit.astype(int) - image).mean() < 60
    how = Augmentation(compression=1, blur=1)
    worse = degraded(image, how, np.random.default_rng(0))
    assert worse.shape == image.shape
    assert np.diff(worse.astype(int), axis=1).std() < np.diff(image.astype(int), axis=1).std()
