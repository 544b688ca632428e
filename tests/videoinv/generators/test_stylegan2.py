"""StyleGAN2 against the straightforward grouped-convolution implementation, and its promises."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.bench.reference_stylegan2 import reference_synthesis
from videoinv.errors import BadInputError, CheckpointError
from videoinv.generators import stylegan2, stylegan2_strips
from videoinv.generators.protocol import Generator
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.generators.stylegan2_names import StyleGAN2Config
from videoinv.latents import Features, Latent

LATENT = 24


def make(resolution=64, widest=24, seed=0):
    """A small generator with noise that shows, and biases and strengths that are not zero."""
    torch.manual_seed(seed)
    levels = resolution.bit_length() - 2
    channels = tuple(max(widest >> max(level - 2, 0), 6) for level in range(levels))
    generator = StyleGAN2(StyleGAN2Config(channels, 3, LATENT)).eval().requires_grad_(False)
    for name, tensor in generator.named_parameters():
        if name.endswith("noise_strength") or (name.endswith("bias") and "affine" not in name):
            tensor.normal_(0, 0.3)
    return generator


def codes_for(generator, batch=2, seed=1):
    noise = torch.Generator().manual_seed(seed)
    return torch.randn(batch, generator.styles, LATENT, generator=noise)


def reference(generator, codes, offsets=None):
    """The straightforward implementation in float64, so that the error is all ours."""
    tensors = {name: tensor.double() for name, tensor in generator.state_dict().items()}
    return reference_synthesis(tensors, codes.double(), offsets)


def assert_close(image, expected, tolerance=1e-5):
    assert image.shape == expected.shape
    error = (image.double() - expected.double()).abs().max() / expected.abs().max()
    assert error < tolerance, f"off by {error:.2e} of the largest value"


def offsets_for(generator, names, batch):
    parameters = dict(generator.named_parameters())
    return {name: 0.5 * torch.randn(batch, *parameters[name].shape) for name in names}


@pytest.fixture(scope="module")
def generator():
    return make()


def test_is_a_generator(generator):
    assert isinstance(generator, Generator)
    assert (generator.resolution, generator.styles, generator.layers) == (64, 10, 9)
    assert generator.sizes == (64,)
    assert generator.mean_codes.shape == (10, LATENT)


@pytest.mark.parametrize("resolution", [8, 16, 32, 64])
@pytest.mark.parametrize("batch", [1, 3])
def test_equals_the_grouped_convolution_implementation(resolution, batch):
    generator = make(resolution)
    codes = codes_for(generator, batch)
    image = generator.synthesize(Latent(codes))
    assert image.shape == (batch, 3, resolution, resolution)
    assert_close(image, reference(generator, codes))


@given(strip=st.integers(1, 20), whole=st.sampled_from([4, 8, 16, 32]), batch=st.integers(1, 2))
@settings(max_examples=15, deadline=None)
def test_strips_do_not_show(strip, whole, batch):
    generator = make()
    latent = Latent(codes_for(generator, batch))
    expected = generator.synthesize(latent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stylegan2, "_LARGEST_WHOLE", whole)
        patch.setattr(stylegan2_strips, "STRIP", strip)
        assert_close(generator.synthesize(latent), expected)


@pytest.mark.slow
def test_a_large_generator_in_its_own_strips_equals_the_reference():
    generator = make(1024)
    codes = codes_for(generator)
    assert_close(generator.synthesize(Latent(codes)), reference(generator, codes))


def test_smaller_images_are_means_over_areas(generator):
    latent = Latent(codes_for(generator))
    full, small = generator.synthesize(latent), generator.synthesize(latent, 16)
    assert_close(small, full.unflatten(2, (16, 4)).unflatten(4, (16, 4)).mean((3, 5)))
    assert generator.synthesize(latent, 48).shape == (2, 3, 48, 48)


def test_gradients_reach_the_codes(generator):
    ours, theirs = codes_for(generator).requires_grad_(), codes_for(generator).double()
    theirs.requires_grad_()
    target = torch.randn(2, 3, 64, 64)
    (generator.synthesize(Latent(ours)) - target).square().mean().backward()
    (reference(generator, theirs) - target).square().mean().backward()
    assert ours.grad.abs().amin((0, 2)).max() > 0
    assert_close(ours.grad, theirs.grad, 1e-4)


def test_gradients_reach_the_weights_and_changed_weights_are_noticed():
    generator, codes = make(32), codes_for(make(32))
    generator.synthesize(Latent(codes))  # the tables of the old weights are made here
    generator.requires_grad_(True)
    generator.synthesize(Latent(codes)).square().mean().backward()
    missing = [name for name, p in generator.synthesis.named_parameters() if p.grad is None]
    assert missing == []
    before = generator.synthesize(Latent(codes)).detach()
    with torch.no_grad():
        for parameter in generator.synthesis.parameters():
            parameter.sub_(1e-3 * parameter.grad)
        after = generator.synthesize(Latent(codes))
    assert (after - before).abs().max() > 1e-3
    assert_close(after, reference(generator, codes).detach())


def test_gradients_of_the_weights_equal_the_references():
    generator, codes = make(16), codes_for(make(16))
    generator.requires_grad_(True)
    image = generator.synthesize(Latent(codes))
    target = torch.randn_like(image)
    ((image - target) ** 2).mean().backward()
    tensors = {n: t.detach().double().requires_grad_() for n, t in generator.state_dict().items()}
    ((reference_synthesis(tensors, codes.double()) - target) ** 2).mean().backward()
    for name, parameter in generator.synthesis.named_parameters(prefix="synthesis"):
        assert_close(parameter.grad, tensors[name].grad, 1e-4)


def test_layers_and_rows_follow_the_published_order(generator):
    shapes = [generator.feature_shape(layer) for layer in range(generator.layers)]
    assert [height for _, height, _ in shapes] == [4, 8, 8, 16, 16, 32, 32, 64, 64]
    # K = 5 of the Feature-Style paper: the fifth convolution, 16 × 16, made by five rows.
    assert generator.feature_shape(4)[1:] == (16, 16)
    assert generator.rows_through(4) == 5


@pytest.mark.parametrize("layer", range(9))
def test_features_depend_on_the_rows_before_them_and_no_others(generator, layer):
    codes, other = codes_for(generator), codes_for(generator, seed=2)
    rows = generator.rows_through(layer)
    features = generator.features(codes, layer)
    assert features.shape[1:] == generator.feature_shape(layer)
    mixed = torch.cat([codes[:, :rows], other[:, rows:]], 1)
    assert generator.features(mixed, layer).equal(features)
    mixed[:, rows - 1] = other[:, rows - 1]
    assert not torch.allclose(generator.features(mixed, layer), features)


@pytest.mark.parametrize("layer", range(9))
def test_its_own_features_give_the_same_image(generator, layer):
    codes = codes_for(generator)
    image = generator.synthesize(Latent(codes))
    features = generator.features(codes, layer)
    replaced = Latent(codes, Features(features, layer))
    added = Latent(codes, Features(torch.zeros_like(features), layer, "add"))
    assert_close(generator.synthesize(replaced), image)
    assert_close(generator.synthesize(added), image)


@pytest.mark.parametrize("layer", [3, 4, 8])
def test_replacing_equals_adding_the_difference(generator, layer):
    codes = codes_for(generator)
    wanted = torch.randn(2, *generator.feature_shape(layer))
    difference = wanted - generator.features(codes, layer)
    replaced = generator.synthesize(Latent(codes, Features(wanted, layer)))
    added = generator.synthesize(Latent(codes, Features(difference, layer, "add")))
    assert_close(added, replaced)
    assert (replaced - generator.synthesize(Latent(codes))).abs().max() > 0.1


def test_injection_inside_the_strips_range(generator, monkeypatch):
    codes = codes_for(generator)
    latent = Latent(codes, Features(torch.randn(2, *generator.feature_shape(5)), 5))
    expected = generator.synthesize(latent)
    monkeypatch.setattr(stylegan2, "_LARGEST_WHOLE", 8)
    assert_close(generator.synthesize(latent), expected)


def test_every_sample_has_its_own_weight_offsets(generator):
    codes = codes_for(generator, 3)
    names = [f"synthesis.{part}.weight" for part in ("b4.conv1", "b16.conv0", "b64.torgb")]
    offsets = offsets_for(generator, names, 3)
    image = generator.synthesize(Latent(codes, weight_offsets=offsets))
    assert_close(image, reference(generator, codes, offsets))
    one = generator.synthesize(Latent(codes, weight_offsets=offsets)[1])
    assert_close(one, image[1:2])
    assert (image - generator.synthesize(Latent(codes))).abs().max() > 0.1


def test_features_feel_the_weight_offsets(generator):
    codes = codes_for(generator)
    offsets = offsets_for(generator, ["synthesis.b8.conv1.weight"], 2)
    features = generator.features(codes, 4, offsets)
    assert not torch.allclose(features, generator.features(codes, 4))
    latent = Latent(codes, Features(features, 4), offsets)
    assert_close(generator.synthesize(latent), reference(generator, codes, offsets))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 0.05), (torch.float16, 0.005)])
def test_low_precision_stays_near_float32(generator, dtype, bound):
    codes = codes_for(generator, 3)
    expected = generator.synthesize(Latent(codes))
    cast = copy.deepcopy(generator).to(dtype)
    image = cast.synthesize(Latent(codes))
    assert cast.dtype == dtype
    assert image.dtype == torch.float32
    assert cast.features(codes, 4).dtype == torch.float32
    assert cast.map(torch.randn(2, LATENT)).dtype == torch.float32
    assert_close(image, expected, bound)
    assert not torch.allclose(image, expected, atol=1e-6)  # it was not float32 after all
    assert cast.mapping.fc0.weight.equal(generator.mapping.fc0.weight)


def test_gradients_of_a_float16_generator_are_those_of_the_exact_one(generator):
    gradients = []
    for dtype in (torch.float32, torch.float16):
        codes = codes_for(generator).requires_grad_(True)
        copy.deepcopy(generator).to(dtype).synthesize(Latent(codes)).square().mean().backward()
        gradients.append(codes.grad.flatten())
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99


def test_float16_survives_weights_and_styles_that_would_overflow(generator):
    codes, large = codes_for(generator), copy.deepcopy(generator)
    for name, tensor in large.named_parameters():
        if "conv" in name and name.endswith((".weight", "affine.bias")):
            tensor.mul_(1e4)  # demodulation undoes it
    expected = large.synthesize(Latent(codes))
    image = large.to(torch.float16).synthesize(Latent(codes))
    assert_close(image, expected, 0.01)


def test_float16_keeps_all_but_four_resolutions_in_float32():
    generator = make(128).to(torch.float16)
    kinds = [generator.get_submodule(f"synthesis.b{4 << i}.conv1").weight.dtype for i in range(6)]
    assert kinds == [torch.float32] * 2 + [torch.float16] * 4


def test_the_dtype_may_change_after_use():
    generator = make(32)
    codes = codes_for(generator)
    expected = generator.synthesize(Latent(codes))
    assert_close(generator.to(torch.bfloat16).synthesize(Latent(codes)), expected, 0.05)
    assert_close(generator.to(torch.float32).synthesize(Latent(codes)), expected, 0.05)


def test_noise_fixed_random_or_none(generator):
    latent = Latent(codes_for(generator))
    fixed, none = generator.synthesize(latent), generator.with_noise("none").synthesize(latent)
    assert generator.synthesize(latent).equal(fixed)
    random = generator.with_noise("random")
    assert not torch.allclose(random.synthesize(latent), random.synthesize(latent))
    silent = copy.deepcopy(generator)
    for name, tensor in silent.named_parameters():
        if name.endswith("noise_strength"):
            tensor.zero_()
    assert_close(none, silent.synthesize(latent))
    assert not torch.allclose(none, fixed)


def test_another_noise_shares_the_weights(generator):
    twin = generator.with_noise("none")
    assert generator.noise == "fixed"
    pairs = zip(generator.parameters(), twin.parameters(), strict=True)
    assert all(one is other for one, other in pairs)


def test_fresh_noise_has_no_seams_in_strips(generator, monkeypatch):
    """One draw serves all strips: with the same seed, strips and whole maps agree."""
    random, latent = generator.with_noise("random"), Latent(codes_for(generator, 1))
    torch.manual_seed(3)
    expected = random.synthesize(latent)
    monkeypatch.setattr(stylegan2, "_LARGEST_WHOLE", 8)
    monkeypatch.setattr(stylegan2_strips, "STRIP", 3)
    torch.manual_seed(3)
    assert_close(random.synthesize(latent), expected)


def test_truncation_pulls_to_the_mean():
    generator = make(16)
    generator.mapping.w_avg = torch.randn(LATENT)
    z = torch.randn(3, LATENT)
    assert_close(generator.map(z, 0.0), generator.mean_codes.expand(3, -1, -1))
    half = (generator.map(z) + generator.mean_codes) / 2
    assert_close(generator.map(z, 0.5), half)
    assert generator.map(z)[:, 0].equal(generator.map(z)[:, -1])
    assert_close(generator.map(7 * z), generator.map(z))  # z is normalised first


@pytest.mark.parametrize("given", [torch.float64, torch.bfloat16, torch.float16])
def test_latents_of_any_dtype_give_float32(generator, given):
    codes = codes_for(generator).to(given)
    offsets = offsets_for(generator, ["synthesis.b8.conv1.weight", "synthesis.b16.torgb.weight"], 2)
    for layer, mode in ((4, "replace"), (3, "add")):
        features = Features(generator.features(codes, layer), layer, mode)
        latent = Latent(codes, features, offsets)
        image, expected = generator.synthesize(latent.to(dtype=given)), generator.synthesize(latent)
        assert features.tensor.dtype == image.dtype == torch.float32
        assert_close(image, expected, 0.05)
    assert generator.map(torch.randn(2, LATENT, dtype=given)).dtype == torch.float32


def test_noise_for_codes_may_be_on_another_device(generator):
    elsewhere = copy.deepcopy(generator).to("meta")
    assert elsewhere.map(torch.randn(2, LATENT)).device.type == "meta"


def test_inference_mode_leaves_nothing_behind_that_gradients_refuse(generator):
    fresh = copy.deepcopy(generator)
    with torch.inference_mode():
        fresh.synthesize(Latent(codes_for(generator)))
    codes = codes_for(generator).requires_grad_()
    fresh.synthesize(Latent(codes)).sum().backward()
    assert codes.grad.abs().max() > 0


def bad_latents(generator):
    codes = codes_for(generator)
    right = torch.zeros(2, *generator.feature_shape(4))
    weight = generator.synthesis["b8"].conv0.weight
    yield Latent(codes[:, :-1]), r"\[B, 10, 24\]"
    yield Latent(codes[..., :-1]), r"\[B, 10, 24\]"
    yield Latent(codes, Features(right, 2)), "at layer 2"
    yield Latent(codes, Features(right[:1], 4)), "at layer 4"
    yield Latent(codes, Features(right, 9)), "layers 0 to 8"
    for name in ("synthesis.b128.conv0.weight", "synthesis.b8.conv0.bias", "mapping.fc0.weight"):
        yield Latent(codes, weight_offsets={name: torch.zeros(2, 1)}), name
    offsets = {"synthesis.b8.conv0.weight": torch.zeros(1, *weight.shape)}
    yield Latent(codes, weight_offsets=offsets), "these codes need"


def test_what_does_not_fit_is_refused(generator):
    for latent, message in bad_latents(generator):
        with pytest.raises(BadInputError, match=message):
            generator.synthesize(latent)
        if latent.features is None:
            with pytest.raises(BadInputError, match=message):
                generator.features(latent.codes, 3, latent.weight_offsets)
    for size in (0, 65):
        with pytest.raises(BadInputError, match=f"{size} pixels"):
            generator.synthesize(Latent(codes_for(generator)), size)
    tensors = generator.state_dict()
    for shape in ((LATENT - 1,), (generator.styles + 2, LATENT)):
        tensors["mapping.w_avg"] = torch.zeros(shape)
        with pytest.raises(CheckpointError, match="the mean code has the shape"):
            StyleGAN2.from_state_dict(tensors)
    with pytest.raises(BadInputError, match="no layer -1"):
        generator.features(codes_for(generator), -1)
