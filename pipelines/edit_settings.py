"""How clips are edited."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from pipelines.compose import Blend, MaskSettings, SkinTone
from pipelines.locate import DETECT_EVERY
from pipelines.steady_offsets import OffsetMode


@dataclass(frozen=True)
class EditSettings:
    """How a clip is edited; the edits themselves come beside it."""

    size: int | None = None
    """Side of the crop and of what is rendered; ``None`` takes the generator's next size above
    the face's own in the video."""
    chunk: int | None = None
    """Frames inverted and rendered together; ``None``: 8 on a GPU. On a processor 1, which gains
    nothing from batches, so that every frame starts from the very one before it."""
    steps: int | None = None
    """Steps of the encoder for every frame; ``None``: its own defaults, warm and cold."""
    detect_every: int = DETECT_EVERY
    """Frames from one face detection to the next; the mesh follows faces in between."""
    center_sigma: float = 1.0
    """Frames over which the crop's centre is smoothed; 0 for not at all. STIT's value."""
    shape_sigma: float = 3.0
    """Frames over which the crop's scale and rotation are smoothed. STIT's value."""
    code_sigma: float = 1.0
    """Frames over which the codes are smoothed."""
    offsets: OffsetMode = "segment"
    """How a hypernetwork's weight offsets are kept from trembling."""
    blend: Blend = "residual"
    mask: MaskSettings = field(default_factory=MaskSettings)
    skin_tone: SkinTone = "source"
    """Whose tone of skin an edited face has; an edit of age brings another one with it."""
    lip_sync: bool = False
    """Edited lips move with the source's, by the model's direction that opens mouths. For speech:
    where somebody stops smiling by themselves, an added smile shuts, too, and comes back late."""
    rate: Fraction | None = None
    """Pictures per second, where the source is a folder of pictures; ``None``: 25."""
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    provenance: bool = True
    """Write into the output's metadata that the face was edited."""
    side_by_side: bool = True
    """Run the stages in threads; False, in turns, to see what each takes by itself."""
