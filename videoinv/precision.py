"""What keeps its precision while the network around it is cast to half of it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class Float32(nn.Module):
    """A module whose tensors stay in float32: a cast of the network only moves them."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        super()._apply(lambda tensor: tensor.to(fn(tensor).device), recurse)  # type: ignore[no-untyped-call]
        return self
