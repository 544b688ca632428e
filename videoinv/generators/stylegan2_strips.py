"""The fine resolutions of StyleGAN2 in horizontal strips, for CPUs.

At 1024² one layer writes 134 MB, far more than any cache holds, and the memory for it costs as
much time to obtain as the convolution that fills it. A strip of the map goes through both
convolutions and the toRGB of a resolution while it is in the cache, and only what the next
resolution needs is written out. The rows next to a cut are computed twice, a few percent of the
work; the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Layer = Callable[[Tensor, slice], Tensor]
"""A convolution layer over some rows of its output; it takes the input rows under them."""

STRIP = 64  # input rows of a strip; half the rows of its output
_HALO = 2  # input rows above and below that the doubled output and one row more around it need


def run_in_strips(
    x: Tensor, double: Layer, refine: Layer, to_rgb: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """One resolution: features [B, I, h, w] → features [B, O, 2h, 2w] and RGB [B, 3, 2h, 2w].

    Args:
        x: the features of the resolution before.
        double: the layer that doubles the size.
        refine: the layer after it.
        to_rgb: features to RGB.
    """
    height = x.shape[2]
    features, images = [], []
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP, height)
        above, below = max(top - _HALO, 0), min(bottom + _HALO, height)
        y = double(x[:, :, above:below], slice(2 * above, 2 * below))
        first, last = max(2 * top - 1, 0), min(2 * bottom + 1, 2 * height)
        y = refine(y[:, :, first - 2 * above : last - 2 * above], slice(first, last))
        y = y[:, :, 2 * top - first : 2 * bottom - first]
        features.append(y)
        images.append(to_rgb(y))
    return torch.cat(features, 2), torch.cat(images, 2)
