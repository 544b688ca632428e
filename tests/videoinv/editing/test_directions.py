"""Directions: fitting finds a planted one, and published files of every shape load."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videoinv.editing.directions import (
    Direction,
    Directions,
    fit_rows,
    load_direction,
    load_directions,
    save_directions,
)
from videoinv.editing.discover import ganspace, sefa
from videoinv.editing.fit import condition, condition_all, fit_hyperplane
from videoinv.errors import BadInputError, CheckpointError, OutputError, UnsafePickleError
from videoinv.generators.mobilestylegan import MobileStyleGAN


def planted(count=3000, seed=0):
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal(512)
    normal /= np.linalg.norm(normal)
    codes = rng.standard_normal((count, 512))
    return codes, codes @ normal + 0.1 * rng.standard_normal(count), normal


def test_a_planted_hyperplane_is_found():
    codes, scores, normal = planted()
    scores[::50] = np.nan  # faces without a mesh have no score
    plane = fit_hyperplane(codes, scores)
    assert plane.normal @ normal > 0.9
    assert plane.accuracy > 0.9
    assert np.linalg.norm(plane.normal) == pytest.approx(1.0)


def test_noise_has_no_hyperplane():
    codes, _, _ = planted()
    scores = np.random.default_rng(9).standard_normal(len(codes))
    assert 0.3 < fit_hyperplane(codes, scores).accuracy < 0.7


def test_too_few_scores_are_refused():
    with pytest.raises(BadInputError, match="at least 80"):
        fit_hyperplane(np.zeros((30, 512)), np.arange(30.0))


def test_conditioning_removes_the_others_and_nothing_else():
    rng = np.random.default_rng(1)
    normals = {name: vector / np.linalg.norm(vector) for name, vector in zip(
        "abc", rng.standard_normal((3, 512)) + rng.standard_normal(512), strict=True
    )}  # fmt: skip
    conditioned = condition_all(normals, {"a": ("b", "c")})
    assert abs(conditioned["a"] @ normals["b"]) < 1e-12
    assert abs(conditioned["a"] @ normals["c"]) < 1e-12
    assert conditioned["a"] @ normals["a"] > 0
    assert np.array_equal(conditioned["b"], normals["b"])
    assert np.array_equal(condition(normals["a"], []), normals["a"])


@pytest.mark.parametrize("shape", [(512,), (1, 512), (18, 512), (1, 18, 512)])
@pytest.mark.parametrize("suffix", [".pt", ".npy"])
def test_published_shapes_load(tmp_path, shape, suffix):
    value = torch.randn(shape, dtype=torch.float64)
    path = tmp_path / f"age{suffix}"
    if suffix == ".pt":
        torch.save(value, path)
    else:
        np.save(path, value.numpy())
    direction = load_direction(path)
    assert direction.name == "age"
    assert direction.rows(23).shape == (23, 512)
    assert direction.delta.shape == (value.numel() // 512, 512)


def test_equal_rows_become_one(tmp_path):
    np.save(tmp_path / "smile.npy", np.tile(np.random.default_rng(0).standard_normal(512), (18, 1)))
    assert load_direction(tmp_path / "smile.npy").delta.shape == (1, 512)


@pytest.mark.parametrize("content", [b"<html>quota</html>", b""])
def test_what_is_no_direction_is_refused(tmp_path, content):
    for suffix in (".pt", ".npy", ".safetensors"):
        path = tmp_path / f"age{suffix}"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="age"):
            load_direction(path)


def saved(value, path):
    if path.suffix == ".safetensors":
        save_file({"age": value}, path)
    elif path.suffix == ".pt":
        torch.save(value, path)
    else:
        np.save(path, value.numpy())
    return path


SUFFIXES = pytest.mark.parametrize("suffix", [".pt", ".npy", ".safetensors"])


@SUFFIXES
def test_one_row_without_an_axis_for_rows_is_one_row(tmp_path, suffix):
    direction = load_direction(saved(torch.arange(512.0), tmp_path / f"age{suffix}"))
    assert direction.rows(23).equal(torch.arange(512.0).expand(23, 512))


@SUFFIXES
@pytest.mark.parametrize("shape", [(2, 18, 512), (0, 512), (1, 0, 512), (1, 1, 1, 512), (18, 256)])
def test_other_shapes_are_refused(tmp_path, suffix, shape):
    path = saved(torch.zeros(shape), tmp_path / f"age{suffix}")
    with pytest.raises(CheckpointError, match=r"a direction is \[512\]"):
        load_direction(path)


@SUFFIXES
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_numbers_that_are_not_finite_are_refused(tmp_path, suffix, bad):
    value = torch.zeros(18, 512, dtype=torch.float64)
    value[3, 7] = bad
    with pytest.raises(CheckpointError, match="not finite"):
        load_direction(saved(value, tmp_path / f"age{suffix}"))


def test_a_direction_that_goes_nowhere_is_refused(tmp_path):
    np.save(tmp_path / "zero.npy", np.zeros((18, 512), np.float32))
    with pytest.raises(CheckpointError, match="nothing but zeros"):
        load_direction(tmp_path / "zero.npy")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"there is no file .*nope\.npy"):
        load_directions().find(str(tmp_path / "nope.npy"))
    with pytest.raises(BadInputError, match="did you mean 'smile'"):
        load_directions().find("smlie")


def test_a_file_of_something_else_says_what_it_holds(tmp_path):
    with pytest.raises(CheckpointError, match="holds a dict and no tensor"):
        load_direction(saved({"delta": torch.zeros(512)}, tmp_path / "age.pt"))
    save_file({"age": torch.zeros(512)}, tmp_path / "age.safetensors", {"about": "{"})
    with pytest.raises(CheckpointError, match="holds no directions"):
        load_direction(tmp_path / "age.safetensors")


def test_a_direction_that_would_run_code_is_refused(tmp_path):
    torch.save(print, tmp_path / "age.pt")
    with pytest.raises(UnsafePickleError, match="print"):
        load_direction(tmp_path / "age.pt")


def test_directions_that_cannot_be_written_are_one_clear_error(tmp_path):
    kept = Directions({"smile": Direction("smile", torch.randn(1, 512))})
    with pytest.raises(OutputError, match="the directions cannot be written"):
        save_directions(tmp_path / "absent" / "d.safetensors", kept)


def test_rows_of_another_generator_keep_ends_and_order():
    delta = torch.arange(18.0)[:, None].expand(18, 512)
    fitted = fit_rows(delta, 23)[:, 0]
    assert fitted[0] == 0 and fitted[-1] == 17
    assert (fitted.diff() > 0).all()


def test_directions_survive_saving(tmp_path):
    path = tmp_path / "d.safetensors"
    kept = Directions({"smile": Direction("smile", torch.randn(1, 512), "about smiles")})
    save_directions(path, kept)
    loaded = load_directions(path)
    assert loaded["smile"].about == "about smiles"
    assert torch.equal(loaded["smile"].delta, kept["smile"].delta)


def test_ours_are_shipped():
    ours = load_directions()
    assert {"smile", "age", "gender", "eyes_open", "mouth_open", "yaw", "pitch"} <= set(ours)
    for name, direction in ours.items():
        lengths = direction.delta.norm(dim=1)
        reached = int(lengths.count_nonzero())
        assert 4 < reached < 23, f"{name} in the last rows is colour, not {name}"
        length = 2.0 if name == "age" else 1.0
        assert lengths[:reached].tolist() == pytest.approx([length] * reached, abs=1e-3)


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return MobileStyleGAN(channels=(16, 16, 8), head_layers=()).requires_grad_(False)


def test_sefa_gives_unit_directions_on_its_rows_that_move_the_styles_most(tiny):
    found = sefa(tiny, range(2, 5), 4)
    vectors = torch.stack([direction.delta[2] for direction in found.values()])
    assert torch.allclose(vectors @ vectors.T, torch.eye(4), atol=1e-4)
    assert not found["sefa0"].delta[[0, 1, 5, 6, 7]].any()
    stacked = torch.cat([torch.nn.functional.normalize(tiny.style_weights(r)) for r in (2, 3, 4)])
    changes = (stacked @ vectors.T).norm(dim=0)
    random = torch.nn.functional.normalize(torch.randn(50, 512))
    assert (changes.diff() <= 1e-5).all()
    assert changes.min() > (stacked @ random.T).norm(dim=0).max()


def test_ganspace_components_are_standard_deviations_of_w(tiny):
    found = ganspace(tiny, range(8), 3, samples=2000)
    first = found["ganspace0"].delta[0]
    z = torch.randn(2000, 512, generator=torch.Generator().manual_seed(0))
    w = tiny.map(z)[:, 0]
    along = (w - w.mean(0)) @ (first / first.norm())
    assert along.std().item() == pytest.approx(first.norm().item(), rel=0.01)
