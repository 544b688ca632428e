"""One minus the cosine: how far two feature tensors point in different directions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 − ⟨a, b⟩ / (‖a‖·‖b‖) of each pair, [B, …] each, flattened → [B], in float32."""
    return 1 - F.cosine_similarity(a.float().flatten(1), b.float().flatten(1), dim=1)


def layered_distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Σ_i (1 − ⟨a_i, b_i⟩) over the layers of a network → [B].

    The form of E2Style's multi-layer identity and parsing losses (§III-C), which the
    Feature-Style Encoder takes over as its Eqs. (6) and (7).
    """
    return torch.stack([cosine_distance(x, y) for x, y in zip(a, b, strict=True)]).sum(dim=0)
