"""Weight offsets over time: HyperInverter's ΔW of one frame knows nothing of the frame before.

The hypernetworks see every frame alone, so ΔW trembles from frame to frame and the whole image
with it, whatever is done to the codes. Codes are smoothed over a window of frames; ΔW is 24
million numbers a frame at 1024 px (94 MB), too many to hold for a window. One set for a whole
segment costs the memory of one frame, cannot tremble, and spares every later frame the second
phase: it is to HyperInverter what one tuned generator for a whole clip is to pivotal tuning. What
it gives up is measured in ``videoinv/published/formats/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from videoinv.latents import Latent, concatenate

OffsetMode = Literal["segment", "smooth", "frame"]
"""``segment``: those of its first frame for all. ``smooth``: a running mean. ``frame``: each its
own."""
SHARE = 0.2
"""What a new frame contributes to the running mean, which so looks back some five frames."""


class SteadyOffsets:
    """The weight offsets of one segment, frames in order; begin anew at every cut.

    Latents without offsets pass as they are, so callers need not know the system.
    """

    def __init__(self, mode: OffsetMode = "segment") -> None:
        self._mode = mode
        self._held: Mapping[str, Tensor] = {}

    def steps(self, wanted: int | None) -> int | None:
        """How many of HyperInverter's phases the frames to come need, if ``wanted`` is asked for.

        Once the segment's offsets are known, the codes of phase I suffice.
        """
        return 1 if self._mode == "segment" and self._held else wanted

    def steady(self, latent: Latent) -> Latent:
        """The latent of the next frames with steady offsets in place of its own.

        Args:
            latent: of any number of frames; without offsets where ``steps`` said that codes do.
        """
        if self._mode == "frame" or not (latent.weight_offsets or self._held):
            return latent
        if self._mode == "smooth":
            return concatenate([self._follow(latent[index]) for index in range(len(latent))])
        if not self._held:
            self._held = {name: offset[:1] for name, offset in latent.weight_offsets.items()}
        return replace(latent, weight_offsets=_repeated(self._held, len(latent)))

    def _follow(self, latent: Latent) -> Latent:
        """ΔW̄_t = ΔW̄_{t−1} + share · (ΔW_t − ΔW̄_{t−1}); the first frame's as it is."""
        new = latent.weight_offsets
        old = self._held or new
        self._held = {name: torch.lerp(old[name], offset, SHARE) for name, offset in new.items()}
        return replace(latent, weight_offsets=self._held)


def join(latents: Sequence[Latent]) -> Latent:
    """One latent for the images of several, as ``concatenate``; shared offsets are not copied."""
    first = latents[0].weight_offsets
    if not all(_same(first, latent.weight_offsets) for latent in latents):
        return concatenate(latents)
    bare = concatenate([replace(latent, weight_offsets={}) for latent in latents])
    return replace(bare, weight_offsets=_repeated(first, len(bare)))


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether both repeat one and the same set in memory."""
    return one.keys() == other.keys() and all(
        one[name].data_ptr() == offset.data_ptr() and _is_repeated(offset)
        for name, offset in other.items()
    )


def _is_repeated(offset: Tensor) -> bool:
    return len(offset) == 1 or offset.stride(0) == 0


def _repeated(offsets: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    return {name: offset.expand(count, *offset.shape[1:]) for name, offset in offsets.items()}
