"""What a refining encoder starts from when it is handed the latent of the frame before."""

from __future__ import annotations

from torch import Tensor

from videoinv.errors import BadInputError
from videoinv.latents import Latent


def starting_codes(start: Latent, count: int, mean_codes: Tensor) -> Tensor:
    """The codes of ``start`` for ``count`` images: [count, L, 512] beside ``mean_codes`` [L, 512].

    Raises:
        BadInputError: if ``start`` is of another number of images than one or ``count``, or of a
            generator with other rows.
    """
    codes = start.codes.to(mean_codes)
    if len(codes) not in (1, count) or codes.shape[1:] != mean_codes.shape:
        raise BadInputError(
            f"start has codes {list(codes.shape)}; {count} images want [1 or {count}, "
            f"{', '.join(map(str, mean_codes.shape))}]"
        )
    return codes.expand(count, -1, -1)
