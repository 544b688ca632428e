"""Eq. (1) of the Feature-Style Encoder: features that follow an edit of the codes."""

import pytest
import torch

from videoinv.editing.delta import YIELD, edit_features, recode, what_stays
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.generators.stylegan2_names import StyleGAN2Config
from videoinv.latents import Features, Latent

LAYER = 4  # K = 5


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return StyleGAN2(StyleGAN2Config((16, 16, 12, 8, 6), 2, 16)).eval().requires_grad_(False)


@pytest.fixture
def codes(generator):
    return torch.randn(2, generator.styles, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def edited(codes):
    return codes + 0.5 * torch.randn(codes.shape, generator=torch.Generator().manual_seed(2))


def test_equals_eq_1_by_three_full_passes(generator, codes, edited):
    F = torch.randn(2, *generator.feature_shape(LAYER))
    latent = edit_features(generator, Latent(codes, Features(F, LAYER)), edited)
    expected = F + generator.features(edited, LAYER) - generator.features(codes, LAYER)
    assert torch.allclose(latent.features.tensor, expected, atol=1e-5)
    assert latent.codes is edited
    assert (latent.features.layer, latent.features.mode) == (LAYER, "replace")


def test_the_generators_own_features_become_those_of_the_edited_codes(generator, codes, edited):
    latent = Latent(codes, Features(generator.features(codes, LAYER), LAYER))
    image = generator.synthesize(edit_features(generator, latent, edited))
    assert torch.allclose(image, generator.synthesize(Latent(edited)), atol=1e-4)


def test_added_features_give_the_same_edit(generator, codes, edited):
    F = torch.randn(2, *generator.feature_shape(LAYER))
    replaced = edit_features(generator, Latent(codes, Features(F, LAYER)), edited)
    difference = F - generator.features(codes, LAYER)
    added = Latent(codes, Features(difference, LAYER, "add"))
    image = generator.synthesize(edit_features(generator, added, edited))
    assert torch.allclose(image, generator.synthesize(replaced), atol=1e-4)


def test_there_and_back_is_where_it_began(generator, codes, edited):
    start = Latent(codes, Features(torch.randn(2, *generator.feature_shape(LAYER)), LAYER))
    back = edit_features(generator, edit_features(generator, start, edited), codes)
    assert torch.allclose(back.features.tensor, start.features.tensor, atol=1e-5)


def test_weight_offsets_take_part(generator, codes, edited):
    weight = generator.synthesis["b8"].conv0.weight
    offsets = {"synthesis.b8.conv0.weight": torch.randn(2, *weight.shape)}
    features = Features(generator.features(codes, LAYER, offsets), LAYER)
    latent = edit_features(generator, Latent(codes, features, offsets), edited)
    expected = generator.features(edited, LAYER, offsets)
    assert torch.allclose(latent.features.tensor, expected, atol=1e-5)


class CountingPasses:
    """A generator that counts its passes and checks that none is a full one."""

    def __init__(self, generator):
        self.generator, self.passes = generator, 0

    def rows_through(self, layer):
        return self.generator.rows_through(layer)

    def features(self, *args):
        self.passes += 1
        return self.generator.features(*args)


def test_one_cut_pass_for_both_codes_and_none_when_the_coarse_rows_stay(generator, codes, edited):
    counting = CountingPasses(generator)
    latent = Latent(codes, Features(torch.randn(2, *generator.feature_shape(LAYER)), LAYER))
    edit_features(counting, latent, edited)
    assert counting.passes == 1
    fine = torch.cat([codes[:, : LAYER + 1], edited[:, LAYER + 1 :]], 1)
    assert edit_features(counting, latent, fine).features.tensor is latent.features.tensor
    assert edit_features(counting, Latent(codes), edited).features is None
    assert counting.passes == 1


def test_features_give_way_where_the_edit_is_and_stay_elsewhere(generator, codes):
    F = torch.randn(2, *generator.feature_shape(LAYER))
    own = generator.features(codes, LAYER)
    changed = own.clone()
    changed[:, :, :3, :3] += 3 * own.square().mean().sqrt()
    m = what_stays(own, changed, YIELD)
    assert m.shape == (2, 1, *F.shape[2:])
    assert m[:, :, :2, :2].max() < 0.01
    assert (m[:, :, 5:, 5:] == 1).all()
    m = what_stays(7 * own, 7 * changed, YIELD)
    assert torch.allclose(m, what_stays(own, changed, YIELD))


def test_a_change_that_is_the_same_everywhere_leaves_the_features(generator, codes):
    own = generator.features(codes, LAYER)
    size = own.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    m = what_stays(own, own + 3 * size, YIELD)
    torch.testing.assert_close(m, torch.ones_like(m))


def test_yielding_is_the_same_for_added_and_replacing_features(generator, codes, edited):
    F = torch.randn(2, *generator.feature_shape(LAYER))
    replacing = edit_features(generator, Latent(codes, Features(F, LAYER)), edited, 0.5)
    difference = F - generator.features(codes, LAYER)
    adding = Latent(codes, Features(difference, LAYER, "add"))
    image = generator.synthesize(edit_features(generator, adding, edited, 0.5))
    assert torch.allclose(image, generator.synthesize(replacing), atol=1e-4)


def test_features_that_never_give_way_are_those_of_eq_1(generator, codes, edited):
    latent = Latent(codes, Features(torch.randn(2, *generator.feature_shape(LAYER)), LAYER))
    exact = edit_features(generator, latent, edited).features.tensor
    assert torch.allclose(
        edit_features(generator, latent, edited, 1e6).features.tensor, exact, atol=1e-5
    )
    own, changed = (generator.features(each, LAYER) for each in (codes, edited))
    some = edit_features(generator, latent, edited, 1e-6).features.tensor
    gone = what_stays(own, changed, 1e-6).expand_as(changed) < 1e-6
    assert 0 < gone.float().mean() < 1
    torch.testing.assert_close(some[gone], changed[gone], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_other_codes_for_the_same_picture_keep_the_features(generator, codes, edited, mode):
    own = generator.features(codes, LAYER)
    tensor = torch.randn_like(own)
    recoded = recode(generator, Latent(codes, Features(tensor, LAYER, mode)), edited)
    whole = recoded.features.tensor
    if mode == "add":
        torch.testing.assert_close(
            generator.features(edited, LAYER) + whole, own + tensor, atol=1e-4, rtol=1e-4
        )
    else:
        assert torch.equal(whole, tensor)
    assert torch.equal(recoded.codes, edited)


def test_new_codes_of_fine_rows_and_codes_alone_change_no_features(generator, codes):
    fine = codes.clone()
    fine[:, -1] += 1
    latent = Latent(codes, Features(generator.features(codes, LAYER), LAYER, "add"))
    assert recode(generator, latent, fine).features is latent.features
    assert recode(generator, Latent(codes), fine).features is None
