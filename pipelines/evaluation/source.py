"""What is measured on the source: once, whatever number of results is compared with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.evaluation.follow import FaceFollower
from pipelines.evaluation.networks import SIDE, Networks
from pipelines.evaluation.picture import Picture
from stabilization.warping import Array, WarpingError, visible
from videoinv.faces.align import quad_from_mesh, to_tensor
from videoinv.faces.types import Alignment, Image, Points
from videoinv.losses.lpips import Features


@dataclass(frozen=True, eq=False)
class Look:
    """One crop as the networks see it."""

    crop: Image
    """RGB uint8 [SIDE, SIDE, 3]."""
    tensor: Tensor
    """[1, 3, SIDE, SIDE] in [−1, 1]."""
    features: Features
    """For LPIPS."""


def look(crops: list[Image], networks: Networks) -> list[Look]:
    """The crops in one batch."""
    tensors = to_tensor(crops, networks.device)
    features = networks.lpips.features(tensors)
    return [
        Look(image, tensors[i : i + 1], tuple(layer[i : i + 1] for layer in features))
        for i, image in enumerate(crops)
    ]


def lpips_between(a: Look, b: Look, networks: Networks) -> float:
    """LPIPS of two crops."""
    return float(networks.lpips.distance(a.features, b.features))


def unit_embedding(seen: Look, networks: Networks) -> Tensor:
    """The identity of an FFHQ crop, [128] of length 1."""
    return networks.embedder.embed_crops(seen.tensor)[0].cpu()


@dataclass(frozen=True, eq=False)
class Step:
    """From frame t − 1 to frame t of one shot, both seen on the grid of t − 1.

    One grid for both, so that what moves in the crop has moved in the video: two alignments
    would add their own trembling, or hide that of a paste which follows the same landmarks.
    """

    grid: Alignment
    current: Look
    """Frame t."""
    flow: Array
    """[SIDE, SIDE, 2] from t − 1 to t."""
    visible: NDArray[np.bool_]
    """Lai's noc."""
    lpips: float
    """Between the two."""
    warping_error: float | None


@dataclass(frozen=True, eq=False)
class SourceView:
    """One frame of the source."""

    shot: int
    mesh: Points
    """[468, 3] in frame pixels."""
    region: Alignment
    """Where the mesh was looked for."""
    grid: Alignment
    """The FFHQ crop by the mesh, SIDE pixels."""
    seen: Look
    embedding: Tensor
    step: Step | None
    """``None`` in the first frame of a shot."""


class SourceViews:
    """The views of a source, frame by frame; holds one frame's crop."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._follower = FaceFollower(networks)
        self._previous: SourceView | None = None
        self._warping = WarpingError()

    @torch.no_grad()
    def push(self, image: Image) -> SourceView | None:
        """The view of the next frame, RGB uint8 [H, W, 3]; ``None`` if no face is seen in it."""
        seen = self._follower.push(image)
        if seen is None:
            self._previous = None
            return None
        if self._previous is not None and self._previous.shot != seen.shot:
            self._previous = None
        grid = Alignment(quad_from_mesh(seen.mesh), SIDE)
        step, now = self._look(Picture(image), grid)
        embedding = unit_embedding(now, self._networks)
        view = SourceView(seen.shot, seen.mesh, seen.region, grid, now, embedding, step)
        self._previous = view
        return view

    def _look(self, picture: Picture, grid: Alignment) -> tuple[Step | None, Look]:
        before = self._previous
        if before is None:
            return None, look([picture.on(grid)], self._networks)[0]
        now, current = look([picture.on(grid), picture.on(before.grid)], self._networks)
        return self._step(before, current), now

    def _step(self, before: SourceView, current: Look) -> Step:
        previous, flow = before.seen, self._networks.flow
        forward = flow.between(previous.crop, current.crop)
        noc = visible(forward, flow.between(current.crop, previous.crop))
        return Step(
            before.grid,
            current,
            forward,
            noc,
            lpips_between(previous, current, self._networks),
            self._warping.push(previous.crop, current.crop, forward, noc),
        )
