"""Edited lips that move as the source's do: measured on renders, set right through the codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from stabilization.lip_motion import LipMotion
from videoinv.editing.directions import Direction
from videoinv.editing.edit import Edit
from videoinv.faces.align import to_images
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.mesh_measures import mouth_open
from videoinv.faces.types import Points
from videoinv.model import Model

OPENING = "mouth_open"
"""The direction that parts lips."""
MEASURED = 256
"""Side in pixels at which lips are measured; more does not move the mesh."""


class LipSync:
    """Follows the lips of everybody in a video, frame after frame.

    Args:
        opening: the direction that parts lips.
        mesh: measures lips; made when it is None.
    """

    def __init__(self, opening: Direction, mesh: FaceMesh | None = None) -> None:
        self._opening = opening
        self._mesh = mesh or FaceMesh()
        self._motions: dict[int, LipMotion] = {}

    @classmethod
    def of(cls, model: Model) -> LipSync | None:
        """With a model's own direction, if it has one that opens mouths."""
        if OPENING not in model.directions:
            return None
        opening = model.directions[OPENING]
        fits = opening.delta.shape[-1] == model.generator.mean_codes.shape[-1]
        return cls(opening) if fits else None

    def leads(self, edits: Sequence[Edit]) -> bool:
        """Whether these edits leave it to the source how lips move."""
        return all(edit.direction.name != self._opening.name for edit in edits)

    def strengths(
        self,
        run: int,
        meshes: Sequence[Points | None],
        openings: Sequence[float],
        times: Sequence[float],
    ) -> list[float]:
        """How much of the opening direction each of a run's next frames needs.

        Args:
            run: whose frames they are, see ``Step``.
            meshes: of the source's faces.
            openings: of the lips under the edit, see :meth:`openings`.
            times: of the frames, in seconds.
        """
        motion = self._motions.setdefault(run, LipMotion())
        sources = [math.nan if mesh is None else mouth_open(mesh) for mesh in meshes]
        return [motion.strength(*each) for each in zip(sources, openings, times, strict=True)]

    def learn(
        self, run: int, strengths: Sequence[float], before: Sequence[float], after: Sequence[float]
    ) -> None:
        """Take in what the strengths did to the openings of a run's frames."""
        for each in zip(strengths, before, after, strict=True):
            self._motions[run].learn(*each)

    def forget_but(self, runs: Sequence[int]) -> None:
        """Drop what is known of other runs, which are over."""
        self._motions = {run: self._motions[run] for run in runs if run in self._motions}

    def moved(self, codes: Tensor, strengths: Sequence[float]) -> Tensor:
        """The codes [B, L, 512] with lips parted by each image's strength."""
        rows = self._opening.rows(codes.shape[1]).to(codes)
        return codes + torch.tensor(strengths).to(codes)[:, None, None] * rows

    def openings(self, pictures: Tensor) -> list[float]:
        """How open the mouths in aligned crops [B, 3, S, S] in [−1, 1] are; NaN where not seen."""
        if pictures.shape[-1] > MEASURED:
            size = (MEASURED, MEASURED)
            pictures = torch.nn.functional.interpolate(pictures.float(), size, mode="area")
        meshes = self._mesh.fit_aligned(to_images(pictures))
        return [math.nan if mesh is None else mouth_open(mesh) for mesh in meshes]
