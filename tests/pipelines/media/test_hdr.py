"""HDR and wide gamut: shown as photographs are, edited there, and otherwise exactly what it was."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipelines.media import Frame, VideoReader
from pipelines.media.color import Color, ColorConverter, color_of
from pipelines.media.planes import planes_of
from pipelines.media.tone import HLG, PQ, compress, view_of

LIMITED, BT709, BT2020, P3, SRGB = 1, 1, 9, 12, 13


DEEP_HLG = {
    "codec": "libx265",
    "pixels": "yuv420p10le",
    "color": (LIMITED, BT2020, BT2020, HLG),
    "pts": range(0, 4 * 512, 512),
}


def tagged(transfer, primaries=BT2020):
    return Color(BT2020, primaries, transfer, False, LIMITED, hd=True)


@pytest.mark.parametrize(
    "color", [tagged(HLG), tagged(PQ), tagged(BT709), tagged(SRGB, P3), tagged(PQ, 2)]
)
def test_every_colour_of_a_photograph_survives_the_way_there_and_back(color):
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    image = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    view = view_of(color)
    stored = view.stored(image)
    assert stored.min() >= 0 and stored.max() <= 255
    back = view.shown(np.rint(stored * 257).astype(np.uint16))
    error = np.abs(back.astype(int) - image)
    # Beside a bright channel, a dark one is smaller than the rounding of the samples.
    assert error[image >= 45].max() <= 2 and error.max() <= 20


@pytest.mark.parametrize(("transfer", "white"), [(HLG, 0.75), (PQ, 0.58)])
def test_reference_white_looks_white_and_highlights_have_room(transfer, white):
    """BT.2408: 203 cd/m² is 75 % in HLG and 58 % in PQ."""
    view = view_of(tagged(transfer))
    grey, peak = (
        int(view.shown(np.full((1, 1, 3), round(65535 * signal), np.uint16))[0, 0, 1])
        for signal in (white, 1.0)
    )
    assert 225 <= grey <= 240 and peak == 255


def test_light_is_untouched_below_the_knee_and_rises_above_it():
    light = np.linspace(0, 4.9, 500)
    below = light < 0.6
    assert (compress(light)[below] == light[below]).all()
    assert (np.diff(compress(light)) > 0).all()


def test_standard_video_has_no_view():
    assert view_of(Color(BT709, BT709, BT709, False, LIMITED, hd=True)) is None
    assert view_of(Color(2, 2, 2, False, 0, hd=False)) is None


def test_an_hlg_face_looks_as_its_photograph_does(studio):
    source = studio.make("in.mov", draw=studio.person, size=(320, 180), audio=(), **DEEP_HLG)
    rows, columns = studio.face_box(320, 180)
    frame = next(iter(VideoReader(source)))
    photograph, shown = (p[rows, columns] for p in (studio.person(0, 320, 180), frame.image))
    skin = photograph[..., 0] - photograph[..., 2].astype(int)
    face = (photograph.max(axis=2) < 190) & (skin > 25)  # brighter light is compressed
    raw = ColorConverter().rgb(frame.decoded.frame)[rows, columns]
    means = [image[face].mean(axis=0) for image in (photograph, shown, raw)]
    assert face.mean() > 0.1
    assert np.abs(means[0] - means[1]).max() < 2
    # Without the map: darker, and red hardly above blue.
    assert means[0][0] - means[2][0] > 15
    assert np.ptp(means[2]) < 0.8 * np.ptp(means[0])


@pytest.fixture(params=[HLG, BT709])
def deep(request, studio):
    """(builder, reader's frame) of a 10-bit BT.2020 clip of a person."""
    settings = DEEP_HLG | {"color": (LIMITED, BT2020, BT2020, request.param)}
    source = studio.make("in.mov", draw=studio.person, size=(160, 96), audio=(), **settings)
    reader = VideoReader(source)
    builder = studio.builder(reader)
    return builder, next(iter(reader))


def changes(builder, before, image):
    """Output minus source samples, plane by plane, as the encoder gets them."""
    painted = builder.build(replace(before, image=image))
    pairs = zip(planes_of(painted), planes_of(before.decoded.frame), strict=True)
    return [after.astype(int) - source for after, source in pairs]


def test_unchanged_pixels_keep_their_ten_bits(deep):
    builder, frame = deep
    image = frame.image.copy()
    image[20:40, 30:60] //= 2
    luma, *chroma = changes(builder, frame, image)
    assert not luma[:, :30].any() and not luma[:20].any() and luma[20:40, 30:60].any()
    assert all(not plane[:, :15].any() and not plane[:10].any() for plane in chroma)
    assert not any(plane.any() for plane in changes(builder, frame, frame.image.copy()))


def test_a_faint_change_keeps_what_eight_bits_do_not_hold(deep):
    """One level up is a few codes up, and nothing else: the grain beneath is not rounded away."""
    builder, frame = deep
    image = np.minimum(frame.image, 254) + 1
    luma, *chroma = changes(builder, frame, image.astype(np.uint8))
    inside = (frame.image.max(axis=2) < 200) & (frame.image.min(axis=2) > 30)
    assert inside.sum() > 2000
    assert luma[inside].min() >= 1 and luma[inside].max() <= 6
    assert np.std(luma[inside]) < 1
    assert all(np.abs(plane).mean() < 1 for plane in chroma)


def test_a_strong_change_gives_the_colour_that_was_asked_for(deep):
    builder, frame = deep
    image = frame.image.copy()
    image[16:48, 32:64] = (210, 140, 110)
    painted = builder.build(replace(frame, image=image))
    painted.colorspace = BT2020
    view, converter = view_of(color_of(painted)), ColorConverter()
    shown = view.shown(converter.deep_rgb(painted)) if view else converter.rgb(painted)
    assert np.abs(shown[20:44, 36:60].astype(int) - (210, 140, 110)).max() <= 2


def test_a_frame_made_by_hand_is_coded_for_the_source(deep):
    builder, frame = deep
    grey = np.full_like(frame.image, 128)
    luma = planes_of(builder.build(Frame(grey, 0, Fraction(1, 30), 0)))[0]
    assert np.ptp(luma) == 0 and 300 < luma[0, 0] < 650
