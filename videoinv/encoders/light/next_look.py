"""Looks after the first: what is left of the image, seen and set right (ours).

ReStyle's idea (Alaluf et al. 2021, §3.2), an encoder that sees the image beside what it made of
it, for the features of the Feature-Style Encoder. The error x − ŷ lies where its cause is, so two
convolutions at the features' own scale find what to change; all later looks share them.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class NextLook(nn.Module):
    """Error x − ŷ and the feature branch's h → a better h, [B, width, H, W]; h itself at first.

    Args:
        width: channels of h.
        cell: side in pixels of the image's part that one place of h describes.
    """

    def __init__(self, width: int, cell: int) -> None:
        super().__init__()
        self.cell = cell
        self.error = nn.Conv2d(3 * cell**2, width, 1)
        self.own = nn.Conv2d(width, width, 1)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, error: Tensor, hidden: Tensor) -> Tensor:
        """A better h from the error [B, 3, S, S]."""
        x = self.error(F.pixel_unshuffle(error, self.cell)) + self.own(hidden)
        x = F.leaky_relu(x, 0.2)
        x = x + F.leaky_relu(self.first(x), 0.2)
        better: Tensor = hidden + self.last(x)
        return better
