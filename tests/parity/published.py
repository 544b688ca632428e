"""Tensor names and shapes of the published checkpoints, at their own size or at a small one."""

from collections.abc import Sequence
from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Sizes:
    """The defaults are the published sizes."""

    width: int = 64
    """Channels of the trunk's first map."""
    dim: int = 512
    """Length of a row of the codes."""
    resolution: int = 1024
    channels: int = 512
    """Of the generator's coarse layers."""
    input: int = 256
    """Side of the image that the encoder sees."""

    @property
    def rows(self) -> int:
        return 2 * (self.resolution.bit_length() - 1) - 2

    @property
    def sides(self) -> list[int]:
        """4, 8, … of the generator."""
        return [4 << level for level in range(self.resolution.bit_length() - 2)]

    def channels_at(self, side: int) -> int:
        return min(self.channels, self.channels * 64 // side)

    def convs(self, level: int) -> int:
        """Halvings of the trunk's map c_level down to 1×1."""
        return (self.input >> level + 1).bit_length() - 1


PUBLISHED = Sizes()
SMALL = Sizes(width=16, dim=32, resolution=64, channels=16, input=64)


def _named(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def _norm(channels: int) -> Shapes:
    names = ("weight", "bias", "running_mean", "running_var")
    return dict.fromkeys(names, (channels,)) | {"num_batches_tracked": ()}


def ir_se50(width: int, channels: int = 3) -> Shapes:
    shapes = {"input_layer.0.weight": (width, channels, 3, 3), "input_layer.2.weight": (width,)}
    shapes |= _named("input_layer.1.", _norm(width))
    before, index = width, 0
    for level, units in enumerate((3, 4, 14, 3)):
        after = width << level
        for _ in range(units):
            shapes |= _named(f"body.{index}.", _ir_unit(before, after))
            before, index = after, index + 1
    return shapes


def _ir_unit(before: int, after: int) -> Shapes:
    shapes = {
        "res_layer.1.weight": (after, before, 3, 3),
        "res_layer.2.weight": (after,),
        "res_layer.3.weight": (after, after, 3, 3),
        "res_layer.5.fc1.weight": (after // 16, after, 1, 1),
        "res_layer.5.fc2.weight": (after, after // 16, 1, 1),
    }
    shapes |= _named("res_layer.0.", _norm(before)) | _named("res_layer.4.", _norm(after))
    if before != after:
        shapes |= {"shortcut_layer.0.weight": (after, before, 1, 1)}
        shapes |= _named("shortcut_layer.1.", _norm(after))
    return shapes


def resnet34(width: int, channels: int = 3) -> Shapes:
    shapes = {"conv1.weight": (width, channels, 7, 7), "relu.weight": (width,)}
    shapes |= _named("bn1.", _norm(width))
    before, index = width, 0
    for level, blocks in enumerate((3, 4, 6, 3)):
        after = width << level
        for _ in range(blocks):
            shapes |= _named(f"body.{index}.", _basic_block(before, after))
            before, index = after, index + 1
    return shapes


def _basic_block(before: int, after: int) -> Shapes:
    shapes = {"conv1.weight": (after, before, 3, 3), "conv2.weight": (after, after, 3, 3)}
    shapes |= _named("bn1.", _norm(after)) | _named("bn2.", _norm(after))
    if before != after:
        shapes |= {"downsample.0.weight": (after, before, 1, 1)}
        shapes |= _named("downsample.1.", _norm(after))
    return shapes


def map2style(sizes: Sizes, counts: Sequence[int], *, linear: bool = True) -> Shapes:
    shapes: Shapes = {}
    for row, count in enumerate(counts):
        for index in range(count):
            inputs = sizes.dim if index else sizes.width * 8
            shapes[f"styles.{row}.convs.{2 * index}.weight"] = (sizes.dim, inputs, 3, 3)
            shapes[f"styles.{row}.convs.{2 * index}.bias"] = (sizes.dim,)
        if linear:
            shapes[f"styles.{row}.linear.weight"] = (sizes.dim, sizes.dim)
            shapes[f"styles.{row}.linear.bias"] = (sizes.dim,)
    return shapes


def pyramid(width: int) -> Shapes:
    return {
        "latlayer1.weight": (width * 8, width * 4, 1, 1),
        "latlayer1.bias": (width * 8,),
        "latlayer2.weight": (width * 8, width * 2, 1, 1),
        "latlayer2.bias": (width * 8,),
    }


def pyramid_counts(rows: int, coarse: int) -> list[int]:
    """Convolutions per row: c3, then p2, then p1."""
    return [coarse + (row >= 3) + (row >= 7) for row in range(rows)]


def rosinality(sizes: Sizes, prefix: str = "decoder.") -> Shapes:
    dim, shapes = sizes.dim, {}
    for layer in range(1, 9):
        shapes |= {f"style.{layer}.weight": (dim, dim), f"style.{layer}.bias": (dim,)}
    shapes["input.input"] = (1, sizes.channels_at(4), 4, 4)
    for level, side in enumerate(sizes.sides):
        below, here = sizes.channels_at(side // 2), sizes.channels_at(side)
        first = [(f"convs.{2 * level - 2}", below)] if level else []
        second = f"convs.{2 * level - 1}" if level else "conv1"
        for name, inputs in [*first, (second, here)]:
            shapes[f"{name}.conv.weight"] = (1, here, inputs, 3, 3)
            shapes |= _modulation(f"{name}.conv.modulation.", inputs, dim)
            shapes |= {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (here,)}
            shapes[f"noises.noise_{_noise_index(name)}"] = (1, 1, side, side)
        rgb = f"to_rgbs.{level - 1}." if level else "to_rgb1."
        shapes |= {f"{rgb}bias": (1, 3, 1, 1), f"{rgb}conv.weight": (1, 3, here, 1, 1)}
        shapes |= _modulation(f"{rgb}conv.modulation.", here, dim)
        if level:
            shapes |= {f"{rgb}upsample.kernel": (4, 4), f"{first[0][0]}.conv.blur.kernel": (4, 4)}
    return _named(prefix, shapes)


def _noise_index(name: str) -> int:
    return int(name.removeprefix("convs.")) + 1 if name.startswith("convs.") else 0


def _modulation(prefix: str, outputs: int, dim: int) -> Shapes:
    return {f"{prefix}weight": (outputs, dim), f"{prefix}bias": (outputs,)}


def nvlabs(sizes: Sizes, prefix: str = "G.") -> Shapes:
    dim, shapes = sizes.dim, {"mapping.w_avg": (sizes.dim,)}
    for layer in range(8):
        shapes |= {f"mapping.fc{layer}.weight": (dim, dim), f"mapping.fc{layer}.bias": (dim,)}
    shapes["synthesis.b4.const"] = (sizes.channels_at(4), 4, 4)
    for side in sizes.sides:
        block, here = f"synthesis.b{side}.", sizes.channels_at(side)
        shapes[f"{block}resample_filter"] = (4, 4)
        for conv, inputs in (("conv0", sizes.channels_at(side // 2)), ("conv1", here)):
            if side > 4 or conv == "conv1":
                shapes |= _named(f"{block}{conv}.", _nvlabs_conv(inputs, here, side, dim))
        shapes |= {f"{block}torgb.weight": (3, here, 1, 1), f"{block}torgb.bias": (3,)}
        shapes |= _modulation(f"{block}torgb.affine.", here, dim)
    return _named(prefix, shapes)


def _nvlabs_conv(inputs: int, outputs: int, side: int, dim: int) -> Shapes:
    shapes = {"weight": (outputs, inputs, 3, 3), "bias": (outputs,), "noise_strength": ()}
    shapes |= {"noise_const": (side, side), "resample_filter": (4, 4)}
    return shapes | _modulation("affine.", inputs, dim)


def restyle(sizes: Sizes, *, channels: int = 6, fpn: bool = False, faces: bool = True) -> Shapes:
    """ReStyle; with ``channels=3, fpn=True`` pSp and e4e."""
    trunk = ir_se50 if faces else resnet34
    coarse = sizes.convs(3)
    counts = pyramid_counts(sizes.rows, coarse) if fpn else [coarse] * sizes.rows
    encoder = trunk(sizes.width, channels) | map2style(sizes, counts)
    if fpn:
        encoder |= pyramid(sizes.width)
    return _named("encoder.", encoder) | rosinality(sizes)


def w_encoder(sizes: Sizes, prefix: str = "encoder.") -> Shapes:
    shapes = ir_se50(sizes.width)
    shapes |= {"linear.weight": (sizes.dim, sizes.width * 8), "linear.bias": (sizes.dim,)}
    return _named(prefix, shapes)


def e2style(
    sizes: Sizes,
    stages: int = 3,
    pools: Sequence[int] = (7, 7, 7),
    rows: Sequence[int] = (9, 5, 4),
) -> Shapes:
    """Heads 3, 4, 5: deep, medium, shallow."""
    shapes = rosinality(sizes)
    for stage in range(stages):
        prefix = f"encoder_refinestage_list.{stage - 1}." if stage else "encoder_firststage."
        shapes |= _named(prefix, ir_se50(sizes.width, 6 if stage else 3))
        for level, (pool, count) in enumerate(zip(pools, rows, strict=True)):
            head, inputs = f"{prefix}output_layer_{level + 3}.", sizes.width * (4 >> level)
            shapes |= _named(f"{head}0.", _norm(inputs))
            shapes[f"{head}3.weight"] = (sizes.dim * count, inputs * pool**2)
            shapes[f"{head}3.bias"] = (sizes.dim * count,)
    return shapes


def hyperinverter(sizes: Sizes, hidden: int = 128, inner: int = 64) -> Shapes:
    shapes = w_encoder(sizes, "w_encoder.")
    e2 = ir_se50(sizes.width) | pyramid(sizes.width)
    e2 |= map2style(sizes, pyramid_counts(sizes.rows, 1), linear=False)
    shapes |= _named("w_bar_encoder.", e2)
    for side in sizes.sides:
        here, below = sizes.channels_at(side), sizes.channels_at(side // 2)
        targets = [("conv0", below, here * 9)] if side > 4 else []
        for layer, inputs, outputs in [*targets, ("conv1", here, here * 9), ("torgb", here, 3)]:
            key = f"hypernet.weight_regressors.b{side}_{layer}_weight."
            shapes |= _named(key, _regressor(sizes.dim, inner, hidden, inputs, outputs))
    return shapes


def _regressor(dim: int, inner: int, hidden: int, inputs: int, outputs: int) -> Shapes:
    shapes: Shapes = {"w1": (hidden, inputs * hidden), "b1": (inputs * hidden,)}
    shapes |= {"w2": (hidden, outputs), "b2": (outputs,)}
    convs = [("fusion.0", dim, 2 * dim, 1), ("feature_extractor.0", inner, dim, 3)]
    convs += [(f"feature_extractor.{i}", inner, inner, 4) for i in (2, 4)]
    for name, after, before, kernel in [*convs, ("feature_extractor.6", hidden, inner, 4)]:
        shapes |= {f"{name}.weight": (after, before, kernel, kernel), f"{name}.bias": (after,)}
    return shapes
