"""The encoders as the papers and the published tensor names describe them, line by line.

Plain functions on a state dict under published names, sharing nothing with the package.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
Render = Callable[[Tensor], Tensor]


def norm(state: State, name: str, x: Tensor) -> Tensor:
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])


def ir_unit(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    y = norm(state, f"{name}.res_layer.0", x)
    y = F.conv2d(y, state[f"{name}.res_layer.1.weight"], padding=1)
    y = F.prelu(y, state[f"{name}.res_layer.2.weight"])
    y = F.conv2d(y, state[f"{name}.res_layer.3.weight"], padding=1, stride=stride)
    y = norm(state, f"{name}.res_layer.4", y)
    gate = F.relu(F.conv2d(y.mean((2, 3), keepdim=True), state[f"{name}.res_layer.5.fc1.weight"]))
    y = y * F.conv2d(gate, state[f"{name}.res_layer.5.fc2.weight"]).sigmoid()
    if f"{name}.shortcut_layer.0.weight" not in state:
        return y + x[:, :, ::stride, ::stride]
    short = F.conv2d(x, state[f"{name}.shortcut_layer.0.weight"], stride=stride)
    return y + norm(state, f"{name}.shortcut_layer.1", short)


def ir_se50(state: State, prefix: str, x: Tensor) -> list[Tensor]:
    """The outputs of body units 2, 6, 20 and 23."""
    x = F.conv2d(x, state[f"{prefix}input_layer.0.weight"], padding=1)
    x = F.prelu(norm(state, f"{prefix}input_layer.1", x), state[f"{prefix}input_layer.2.weight"])
    maps = []
    for index in range(24):
        x = ir_unit(state, f"{prefix}body.{index}", x, 2 if index in (0, 3, 7, 21) else 1)
        if index in (2, 6, 20, 23):
            maps.append(x)
    return maps


def resnet34(state: State, prefix: str, x: Tensor) -> list[Tensor]:
    """The outputs of blocks 2, 6, 12 and 15."""
    x = F.conv2d(x, state[f"{prefix}conv1.weight"], stride=2, padding=3)
    x = F.prelu(norm(state, f"{prefix}bn1", x), state[f"{prefix}relu.weight"])
    maps = []
    for index in range(16):
        name, stride = f"{prefix}body.{index}", 2 if index in (3, 7, 13) else 1
        y = F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
        y = F.relu(norm(state, f"{name}.bn1", y))
        y = norm(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"], padding=1))
        if f"{name}.downsample.0.weight" in state:
            x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
            x = norm(state, f"{name}.downsample.1", x)
        x = F.relu(x + y)
        if index in (2, 6, 12, 15):
            maps.append(x)
    return maps


def trunk(state: State, prefix: str, x: Tensor) -> list[Tensor]:
    return (resnet34 if f"{prefix}conv1.weight" in state else ir_se50)(state, prefix, x)


def halve(state: State, name: str, x: Tensor) -> Tensor:
    index = 0
    while f"{name}.convs.{index}.weight" in state:
        weight, bias = state[f"{name}.convs.{index}.weight"], state[f"{name}.convs.{index}.bias"]
        x = F.leaky_relu(F.conv2d(x, weight, bias, stride=2, padding=1), 0.01)
        index += 2
    return x


def equal_linear(state: State, name: str, x: Tensor) -> Tensor:
    weight = state[f"{name}.weight"]
    return x @ (weight / weight.shape[1] ** 0.5).T + state[f"{name}.bias"]


def level_maps(state: State, prefix: str, x: Tensor) -> list[Tensor]:
    """What rows 0–2, 3–6 and 7–… are read from."""
    _, c1, c2, c3 = trunk(state, prefix, x)
    if f"{prefix}latlayer1.weight" not in state:
        return [c3, c3, c3]
    lateral = [
        F.conv2d(c, state[f"{prefix}latlayer{i}.weight"], state[f"{prefix}latlayer{i}.bias"])
        for i, c in ((1, c2), (2, c1))
    ]
    p2 = F.interpolate(c3, size=c2.shape[2:], mode="bilinear", align_corners=True) + lateral[0]
    p1 = F.interpolate(p2, size=c1.shape[2:], mode="bilinear", align_corners=True) + lateral[1]
    return [c3, p2, p1]


def row_maps(state: State, prefix: str, x: Tensor) -> list[Tensor]:
    """Every row's map after its strided convolutions."""
    levels, rows = level_maps(state, prefix, x), []
    while f"{prefix}styles.{len(rows)}.convs.0.weight" in state:
        row = len(rows)
        level = levels[0 if row < 3 else 1 if row < 7 else 2]
        rows.append(halve(state, f"{prefix}styles.{row}", level))
    return rows


def style_rows(state: State, x: Tensor, *, progressive: bool = False) -> Tensor:
    rows = [
        equal_linear(state, f"encoder.styles.{row}.linear", y.flatten(1))
        for row, y in enumerate(row_maps(state, "encoder.", x))
    ]
    if progressive:
        rows = [rows[0], *(rows[0] + row for row in rows[1:])]
    return torch.stack(rows, dim=1)


def w_row(state: State, prefix: str, x: Tensor) -> Tensor:
    return equal_linear(state, f"{prefix}linear", trunk(state, prefix, x)[3].mean((2, 3)))[:, None]


def restyle(
    state: State, x: Tensor, mean: Tensor, render: Render, steps: int, *, progressive: bool = False
) -> list[Tensor]:
    codes, seen = mean.expand(len(x), -1, -1), []
    for _ in range(steps):
        pair = torch.cat([x, render(codes)], dim=1)
        codes = codes + style_rows(state, pair, progressive=progressive)
        seen.append(codes)
    return seen


def e2style_stage(state: State, prefix: str, x: Tensor, pools: tuple[int, ...]) -> Tensor:
    c0, c1, c2, _ = ir_se50(state, prefix, x)
    rows = []
    for head, level, pool in zip((3, 4, 5), (c2, c1, c0), pools, strict=True):
        name = f"{prefix}output_layer_{head}"
        pooled = F.adaptive_avg_pool2d(norm(state, f"{name}.0", level), pool).flatten(1)
        flat = F.linear(pooled, state[f"{name}.3.weight"], state[f"{name}.3.bias"])
        rows.append(flat.view(len(x), -1, state["decoder.style.1.bias"].shape[0]))
    return torch.cat(rows, dim=1)


def e2style(
    state: State, x: Tensor, mean: Tensor, render: Render, *, stages: int, pools: tuple[int, ...]
) -> list[Tensor]:
    codes = [e2style_stage(state, "encoder_firststage.", x, pools) + mean]
    for index in range(stages - 1):
        pair = torch.cat([x, render(codes[-1])], dim=1)
        residual = e2style_stage(state, f"encoder_refinestage_list.{index}.", pair, pools)
        codes.append(codes[-1] + residual)
    return codes


def weight_offset(state: State, key: str, synthesized: Tensor, image: Tensor) -> Tensor:
    """One hypernetwork on one row of both images' maps."""
    name = f"hypernet.weight_regressors.{key}."

    def conv(layer: str, y: Tensor, **how: int) -> Tensor:
        return F.conv2d(y, state[f"{name}{layer}.weight"], state[f"{name}{layer}.bias"], **how)

    y = F.relu(F.instance_norm(conv("fusion.0", torch.cat([synthesized, image], 1))))
    y = F.relu(conv("feature_extractor.0", y, padding=1))
    y = F.relu(conv("feature_extractor.2", y, stride=2, padding=1))
    y = F.relu(conv("feature_extractor.4", y, stride=2, padding=1))
    v = F.relu(conv("feature_extractor.6", y, stride=2, padding=1)).flatten(1)
    w1, b1, w2, b2 = (state[name + part] for part in ("w1", "b1", "w2", "b2"))
    hidden = len(w1)
    inputs, kernel = w1.shape[1] // hidden, 1 if "torgb" in key else 3
    per_sample = []
    for one in v:
        flat = ((one @ w1 + b1).view(inputs, hidden) @ w2 + b2).flatten()
        per_sample.append(flat.view(-1, inputs, kernel, kernel))
    return torch.stack(per_sample)


ROWS_1024 = {
    "b4": {"conv1": 0, "torgb": 1},
    "b8": {"conv0": 2, "conv1": 3, "torgb": 3},
    "b16": {"conv0": 4, "conv1": 5, "torgb": 5},
    "b32": {"conv0": 6, "conv1": 7, "torgb": 7},
    "b64": {"conv0": 8, "conv1": 9, "torgb": 9},
}
"""Which row of E₂ each hypernetwork of HyperInverter reads: the published table, to 64 px."""
