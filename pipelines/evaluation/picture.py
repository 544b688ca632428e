"""What is scored: a frame, or a generated crop lying where it belongs in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videoinv.faces.align import crop
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Image, Points, transform_points


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in the coordinates of a frame."""

    image: Image
    """RGB uint8 [H, W, 3]."""
    place: Alignment | None = None
    """Where a crop lies in the frame; ``None``: the image is the frame."""

    def on(self, grid: Alignment) -> Image:
        """The crop uint8 [S, S, 3] that this alignment, given in the frame, sees of the image."""
        return crop(self.image, self._inside(grid))

    def mesh(self, network: FaceMesh, region: Alignment) -> Points | None:
        """The mesh [468, 3] in frame pixels of the face in a region of the frame, if one is seen.

        Args:
            network: fits it.
            region: where to look first, in the frame; the second look is around what was found.
        """
        mesh = network.fit_regions([self.image], [self._inside(region)])[0]
        if mesh is None or self.place is None:
            return mesh
        scale = self.place.scale / self.place.size
        return np.column_stack(
            [transform_points(self.place.to_frame, mesh[:, :2]), mesh[:, 2] * scale]
        )

    def _inside(self, grid: Alignment) -> Alignment:
        """An alignment of the frame as one of the image."""
        if self.place is None:
            return grid
        return Alignment(transform_points(self.place.to_crop, grid.quad), grid.size)
