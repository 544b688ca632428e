import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from videoinv.checkpoints.fetch import fetch
from videoinv.checkpoints.torchfile import read_checkpoint
from videoinv.encoders.light.codes_head import CodesHead, HeadSize, code_basis
from videoinv.encoders.light.efficientnet import CATALOG_NAME, EfficientNetLite0, load_imagenet
from videoinv.encoders.light.files import SYSTEMS, load_light, save_light
from videoinv.encoders.light.network import LightSize, row_groups
from videoinv.encoders.protocol import Encoder
from videoinv.errors import BadInputError, CheckpointError, OutputError
from videoinv.faces.embed import FaceEmbedder
from videoinv.generators.mobilestylegan import MobileStyleGAN
from videoinv.latents import Latent
from videoinv.training.recipes import find_recipe

from ...narrow import with_random_weights

SIZE = LightSize(
    head=HeadSize((8, 8, 8, 8), 16, 24),
    feature_layer=3,
    feature_width=16,
    looks=3,
    vector=8,
    rank=2,
)


@pytest.fixture(scope="module")
def generator():
    """A narrow generator of 1024 pixels with a head at 256, all weights random."""
    torch.manual_seed(0)
    return with_random_weights(MobileStyleGAN(channels=(16,) * 8, head_layers=(5,)), 0.5)


@pytest.fixture(scope="module")
def images():
    noise = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return torch.tanh(torch.nn.functional.interpolate(noise, size=256, mode="bicubic"))


def build(system, generator):
    torch.manual_seed(2)
    encoder = SYSTEMS[system].build(generator, SIZE)
    encoder.start_training()
    with torch.no_grad():
        for parameter in encoder.net.parameters():
            if not parameter.any():  # what begins at zero would hide mistakes behind it
                parameter.normal_(std=0.02)
    return encoder


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_is_an_encoder_and_survives_its_file(system, generator, images, tmp_path):
    encoder = build(system, generator)
    assert isinstance(encoder, Encoder)
    latent = encoder.encode(images)
    assert latent.codes.shape == (2, generator.styles, 512)
    assert generator.synthesize(latent, 256).isfinite().all()
    path = tmp_path / "encoder.safetensors"
    save_light(encoder, SIZE, path, {"steps": "3"})
    with safe_open(path, "pt") as file:
        assert file.metadata()["steps"] == "3"
    loaded = load_light(path, generator)
    assert type(loaded) is type(encoder)
    again = loaded.encode(images)
    torch.testing.assert_close(again.codes, latent.codes, atol=0.05, rtol=0.02)
    for name, offset in latent.weight_offsets.items():
        torch.testing.assert_close(again.weight_offsets[name], offset, atol=1e-3, rtol=0.02)


@pytest.mark.parametrize("system", SYSTEMS)
def test_all_steps_share_what_is_told_of_a_photograph(system, generator, images, monkeypatch):
    asked = []

    def embed_crops(embedder, crops):
        asked.append(len(crops))
        return torch.zeros(len(crops), 128)

    monkeypatch.setattr(FaceEmbedder, "embed_crops", embed_crops)
    told = replace(SIZE, head=replace(SIZE.head, person=128))
    encoder = SYSTEMS[system].build(generator, told)
    assert len(encoder.encode_steps(images)) > 1
    # What reads reconstructions, too, is told of each of these; the mean face is one for all.
    assert asked == {"restyle": [2, 1, 2, 2], "e2style": [2, 2]}.get(system, [2])


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_head_that_is_told_who_it_is_answers_so(system, generator, images, tmp_path):
    told = replace(SIZE, head=replace(SIZE.head, person=128))
    torch.manual_seed(2)
    encoder = SYSTEMS[system].build(generator, told)
    encoder.start_training()
    heads = [part for part in encoder.net.modules() if isinstance(part, CodesHead)]
    with torch.no_grad():
        for layer in (layer for head in heads for layer in head.rows):
            layer.weight.normal_(std=0.1)
    before = encoder.encode(images).codes
    with torch.no_grad():
        for layer in (layer for head in heads for layer in head.person):
            assert not layer.weight.any()  # so that an encoder which was not told may go on
            layer.weight.normal_(std=0.1)
    codes = encoder.encode(images).codes
    assert (codes - before).abs().max() > 0.01
    # Each face is told of itself: a batch is as good as one after the other.
    alone = torch.cat([encoder.encode(images[i : i + 1]).codes for i in range(2)])
    torch.testing.assert_close(alone, codes, atol=1e-4, rtol=1e-4)
    # The face-recognition network is not kept with the weights, and comes back with them.
    assert not any("embedder" in name for name in encoder.net.state_dict())
    save_light(encoder, told, tmp_path / "encoder.safetensors")
    again = load_light(tmp_path / "encoder.safetensors", generator).encode(images).codes
    torch.testing.assert_close(again, codes, atol=0.05, rtol=0.02)


def test_a_file_for_another_generator_or_of_another_kind_is_refused(generator, tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_light(build("restyle", generator), SIZE, path)
    with pytest.raises(CheckpointError, match="does not fit this generator"):
        load_light(path, MobileStyleGAN(channels=(16,) * 6, head_layers=()))
    with pytest.raises(CheckpointError, match="no light encoder"):
        load_light(fetch(CATALOG_NAME), generator)


def rewritten(path, tensors=None, **metadata):
    """The file again, with other metadata and further tensors."""
    with safe_open(path, "pt") as file:
        notes = file.metadata() | metadata
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(kept | (tensors or {}), path, notes)
    return path


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"system": "stylegan"}, "'stylegan'; known are restyle, feature-style"),
        ({"size": '{"head": {"reduced": []}, "eyes": 2}'}, "size that this version cannot"),
        ({"size": "{}"}, "size that this version cannot"),
        ({"size": "256"}, "size that this version cannot"),
        ({"size": "{"}, "size that this version cannot"),
    ],
)
def test_metadata_of_another_version_are_refused(generator, tmp_path, metadata, message):
    path = tmp_path / "encoder.safetensors"
    save_light(build("restyle", generator), SIZE, path)
    with pytest.raises(CheckpointError, match=message):
        load_light(rewritten(path, **metadata), generator)


@pytest.mark.parametrize(
    ("system", "tensors", "named"),
    [
        ("feature-style", {"second_look.error.weight": torch.zeros(1)}, "second look"),
        ("restyle", {"backbone.conv_stem.weight": torch.zeros(32, 6, 3, 3)}, "trunk that saw"),
        ("e2style", {"1.backbone.conv_stem.weight": torch.zeros(32, 6, 3, 3)}, "trunk that saw"),
    ],
)
def test_what_an_earlier_version_made_is_said_to_be_so(system, tensors, named, generator, tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_light(build(system, generator), SIZE, path)
    rewritten(path, tensors)
    with pytest.raises(CheckpointError, match=rf"earlier version.*{named}.*train it anew"):
        load_light(path, generator)


def test_an_encoder_that_cannot_be_written_is_one_clear_error(generator, tmp_path):
    with pytest.raises(OutputError, match="the encoder cannot be written"):
        save_light(build("restyle", generator), SIZE, tmp_path / "absent" / "e.safetensors")


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_works_over_a_bfloat16_generator(system, generator, images):
    half = copy.deepcopy(generator).to(torch.bfloat16)
    torch.manual_seed(2)
    encoder = SYSTEMS[system].build(half, SIZE)
    encoder.start_training()
    for latent in encoder.encode_steps(images):
        assert latent.codes.dtype == torch.float32
        assert half.synthesize(latent, 256).isfinite().all()


@pytest.mark.parametrize("system", SYSTEMS)
def test_default_sizes_fit_into_25_megabytes(system):
    with torch.device("meta"):
        generator = MobileStyleGAN()
    net = SYSTEMS[system].build(generator, find_recipe(system).size).net
    assert sum(2 * t.numel() for t in net.state_dict().values()) < 25e6


def test_the_published_trunk_is_filled_completely_and_sees_what_a_face_is():
    trunk = EfficientNetLite0()
    load_imagenet(trunk)
    published = read_checkpoint(fetch(CATALOG_NAME)).data
    unused = {n for n in published if n.startswith(("_conv_head", "_bn1", "_fc"))}
    assert len(trunk.state_dict()) == len(published) - len(unused)
    # In a trunk put together wrongly, channels leave the statistics that its norms were left with.
    noise = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    image = torch.tanh(torch.nn.functional.interpolate(noise, size=224, mode="bicubic"))
    seen = {}
    for name in ("blocks.2.bn2", "blocks.8.bn2", "blocks.15.bn0"):
        module = trunk.get_submodule(name)
        module.register_forward_hook(lambda _, __, y, n=name, m=module: seen.update({n: (y, m)}))
    trunk(image)
    for y, norm in seen.values():
        standard = (y - norm.bias[:, None, None]) / norm.weight.abs()[:, None, None]
        assert 0.3 < standard.std() < 3


def test_maps_come_at_four_strides_and_three_levels_are_the_same_maps():
    whole, cut = EfficientNetLite0(), EfficientNetLite0(levels=3)
    cut.load_state_dict({k: v for k, v in whole.state_dict().items() if k in cut.state_dict()})
    image = torch.randn(1, 3, 64, 64)
    maps = whole(image)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (24, 16, 16),
        (40, 8, 8),
        (112, 4, 4),
        (320, 2, 2),
    ]
    assert all(torch.equal(a, b) for a, b in zip(cut(image), maps[:3], strict=True))


def test_training_mode_leaves_the_statistics_alone():
    trunk = EfficientNetLite0(levels=1).train()
    before = {k: v.clone() for k, v in trunk.state_dict().items()}
    trunk(torch.randn(2, 3, 64, 64))
    assert all(torch.equal(before[k], v) for k, v in trunk.state_dict().items())


def test_whitened_rows_times_the_basis_have_the_covariance_of_w(generator):
    basis = code_basis(generator, 2048)
    w = generator.map(torch.randn(2048, 512, generator=torch.Generator().manual_seed(0)))[:, 0]
    values, vectors = torch.linalg.eigh(torch.cov(w.T))
    assert (values[-1] - (basis @ basis.T @ vectors[:, -1]).norm()).abs() < 1e-3 * values[-1]


def test_rows_fall_into_coarse_middle_and_fine(generator):
    assert row_groups(generator) == (7, 6, 10)
    assert row_groups(MobileStyleGAN(channels=(16,) * 4, head_layers=())) == (7, 3, 1)


def test_added_features_let_an_edit_through(generator, images):
    """Eq. (1) holds by itself: the edited latent's features are F + G(w̃) − G(w)."""
    latent = build("feature-style", generator).encode(images)
    assert latent.features.mode == "add"
    edited = latent.with_codes(latent.codes + 0.5)
    layer = latent.features.layer
    whole = dict(generator.walk(edited, layer))[layer]
    change = generator.features(edited.codes, layer) - generator.features(latent.codes, layer)
    torch.testing.assert_close(whole, dict(generator.walk(latent, layer))[layer] + change)


def test_feature_style_begins_without_an_offset(generator, images):
    encoder = SYSTEMS["feature-style"].build(generator, SIZE)
    encoder.start_training()
    assert not encoder.encode(images).features.tensor.any()


def test_later_looks_set_the_features_right_and_leave_the_codes(generator, images):
    encoder = build("feature-style", generator)
    looks = encoder.encode_steps(images)
    assert len(looks) == SIZE.looks
    assert torch.equal(encoder.encode(images).features.tensor, looks[-1].features.tensor)
    assert torch.equal(encoder.encode(images, steps=1).features.tensor, looks[0].features.tensor)
    for last, following in pairwise(looks):
        assert torch.equal(last.codes, following.codes)
        assert not torch.allclose(last.features.tensor, following.features.tensor)
    torch.nn.init.zeros_(encoder.net.next_look.last.weight)
    torch.nn.init.zeros_(encoder.net.next_look.last.bias)
    looks = encoder.encode_steps(images)
    assert torch.equal(looks[0].features.tensor, looks[-1].features.tensor)


def test_a_later_look_sees_what_the_one_before_it_left_over(generator, images):
    encoder = build("feature-style", generator)
    seen = []
    encoder.net.next_look.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    looks = encoder.encode_steps(images)
    for look, error in zip(looks[:-1], seen, strict=True):
        image = generator.synthesize(look, 256).clamp(-1, 1)
        torch.testing.assert_close(error, images - image, atol=1e-4, rtol=0)


def test_looks_that_are_not_there_are_refused(generator, images):
    with pytest.raises(BadInputError, match="looks 1 to 3; got steps=4"):
        build("feature-style", generator).encode(images, steps=4)
    one = SYSTEMS["feature-style"].build(generator, replace(SIZE, looks=1))
    with pytest.raises(BadInputError, match="looks 1 to 1; got steps=2"):
        one.encode(images, steps=2)


def test_hyperinverter_changes_the_generators_own_weights(generator, images):
    encoder = build("hyperinverter", generator)
    codes, full = encoder.encode_steps(images)
    assert torch.equal(codes.codes, full.codes)
    parameters = dict(generator.named_parameters())
    assert len(full.weight_offsets) == 10
    for name, offset in full.weight_offsets.items():
        assert offset.shape == (2, *parameters[name].shape)
        assert torch.linalg.matrix_rank(offset[0], rtol=1e-4) <= SIZE.rank
    plain = generator.synthesize(Latent(full.codes), 256)
    assert not torch.equal(generator.synthesize(full, 256), plain)


def test_hyperinverter_names_the_generators_that_it_can_change():
    with pytest.raises(BadInputError, match="MobileStyleGAN"):
        SYSTEMS["hyperinverter"].build(object(), SIZE)


def test_restyle_goes_on_from_a_start(generator, images):
    encoder = build("restyle", generator)
    first, second = encoder.encode_steps(images, steps=2)
    assert torch.equal(encoder.encode(images, steps=2).codes, second.codes)
    warm = encoder.encode_steps(images, start=first, steps=2)[0]
    torch.testing.assert_close(warm.codes, second.codes)


def test_restyle_needs_one_step_where_it_has_been_before(generator, images):
    encoder = build("restyle", generator)
    assert len(encoder.encode_steps(images)) == 3
    assert len(encoder.encode_steps(images, start=encoder.encode(images))) == 1


def test_a_step_moves_what_is_read_of_the_image_by_half_of_what_was_misread(generator, images):
    encoder = build("restyle", generator)
    codes = encoder.encode(images, steps=1).codes
    seen = encoder.seen(codes)
    of_image, of_seen = (encoder.mean_codes + encoder.net(each) for each in (images, seen))
    stepped = encoder.stepper(images)(seen, codes)
    torch.testing.assert_close(stepped, of_image + (codes - of_seen) / 2)
    # Once more with gradients, which may go back twice.
    step = encoder.stepper(images)
    for _ in range(2):
        step(seen, codes).sum().backward()
    with torch.no_grad():
        torch.testing.assert_close(encoder.stepper(images)(seen, codes), stepped)


def test_restyle_reads_an_image_once(generator, images):
    encoder = build("restyle", generator)
    read = []
    encoder.net.backbone.register_forward_pre_hook(lambda _, inputs: read.append(len(inputs[0])))
    encoder.encode_steps(images, steps=3)
    assert read == [2, 1, 2, 2]  # the image, the mean face, ŷ_1, ŷ_2


def test_a_stage_moves_codes_by_half_of_the_difference_between_two_readings(generator, images):
    encoder = build("e2style", generator)
    first, second = (latent.codes for latent in encoder.encode_steps(images))
    stage = encoder.net[1]
    torch.testing.assert_close(first, encoder.mean_codes + encoder.net[0](images))
    difference = stage(images) - stage(encoder.seen(first))
    torch.testing.assert_close(second, first + difference / 2, atol=1e-5, rtol=1e-5)


def test_restyle_forgets_what_it_does_not_find_again(generator, images):
    """Whatever no image shows has no place to add up in over the frames of a video."""
    encoder = build("restyle", generator)
    encoder.net.codes.begin_at_zero()
    far = Latent(encoder.mean_codes[None] + 8)
    reached = encoder.encode(images, start=far, steps=3).codes
    torch.testing.assert_close(reached, (encoder.mean_codes + 1).expand_as(reached))
