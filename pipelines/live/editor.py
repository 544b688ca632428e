"""The main job for a picture that cannot wait: the same stages, nothing smoothed between them.

Every frame is finished before the next one is looked at, so a face that is missed for a moment is
not edited for that moment. A causal filter (``stabilization.OneEuro``, which lags) was tried on
crops and codes of a speaker, a webcam and the same with noise: the finished frames were no
steadier, and faces in them moved by 0.47, 0.58 and 0.46 of what the source's do, in place of 0.57,
0.71 and 0.58.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.cache.networks import TapedInverter
from pipelines.cache.tape import Tape
from pipelines.cast import FaceEdits
from pipelines.compose import Compositor, MaskSettings, SkinTone
from pipelines.face_networks import FaceNetworks
from pipelines.inverting import RunInverter
from pipelines.locate import FaceLocator
from pipelines.media.frame import Frame
from pipelines.rendering import finish, render
from pipelines.steps import Finished
from videoinv.generators.checks import check_size
from videoinv.model import Model


@dataclass(frozen=True)
class LiveSettings:
    """How a live picture is edited."""

    size: int = 256
    """Side of what is rendered."""
    steps: int | None = 1
    """Of the encoder for each frame; one is the Feature-Style Encoder's single pass."""
    mask: MaskSettings = field(default_factory=MaskSettings)
    skin_tone: SkinTone = "source"


class LiveEditor:
    """Edits frames as they come.

    Args:
        model: with an encoder.
        faces: whom to change, and how. It may be changed between two frames.
        settings: how.

    Raises:
        BadInputError: if the generator makes no pictures of the size asked for.
    """

    def __init__(
        self, model: Model, faces: Sequence[FaceEdits], settings: LiveSettings | None = None
    ) -> None:
        self.model, self.settings = model, settings or LiveSettings()
        self.faces = list(faces)
        check_size(model.generator, self.settings.size)
        self._networks = FaceNetworks()

    def edit(self, frames: Iterable[Frame]) -> Iterator[Finished]:
        """Each frame with its edited faces, before the next one is taken."""
        settings, generator = self.settings, self.model.generator
        choices = [some.face for some in self.faces]
        locator = FaceLocator(lambda _: settings.size, self._networks, choices)
        inverter = RunInverter(
            TapedInverter(self.model, Tape(None)), 1, settings.steps, offsets="segment"
        )
        inverted = inverter.invert(locator.locate_live(frames))
        compositor = Compositor("residual", settings.mask, skin_tone=settings.skin_tone)
        return finish(render(inverted, generator, self.faces, chunk=1), compositor)
