"""The fine resolutions of StyleGAN2 in horizontal strips, for CPUs.

At 1024² one layer writes 134 MB in float32, more than caches hold, and obtaining that much fresh
memory costs a third of the time of the convolution that fills it. A strip of the map goes through
both convolutions and the toRGB of a resolution while it is in the cache, and only what the next
resolution needs is written out. The rows next to a cut are computed twice, a few percent of the
work; the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

Layer = Callable[[Tensor, slice], Tensor]
"""A convolution layer over some rows of its output; it takes the input rows under them."""

STRIP = 64  # input rows of a strip; half the rows of its output
_HALO = 2  # input rows above and below that the doubled output and one row more around it need


def strips(x: Tensor, double: Layer, refine: Layer) -> Iterator[Tensor]:
    """The features of one resolution, a strip [B, O, rows, 2w] at a time from the top.

    Args:
        x: the features of the resolution before, [B, I, h, w].
        double: the layer that doubles the size.
        refine: the layer after it.
    """
    height = x.shape[2]
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP, height)
        above, below = max(top - _HALO, 0), min(bottom + _HALO, height)
        y = double(x[:, :, above:below], slice(2 * above, 2 * below))
        first, last = max(2 * top - 1, 0), min(2 * bottom + 1, 2 * height)
        y = refine(y[:, :, first - 2 * above : last - 2 * above], slice(first, last))
        yield y[:, :, 2 * top - first : 2 * bottom - first]
