"""Edit the face of one person in a video: the main job, as a chain of streaming stages.

decode → locate → steady the crop → invert → steady the codes → edit and render → paste → encode.
Every stage takes an iterator and is one, so the memory held is the look-ahead and one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pipelines.compose import Blend, MaskSettings, make_patch, paste
from pipelines.locate import FaceLocator
from pipelines.media.frame import Frame
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.writer import VideoWriter
from pipelines.report import EditReport, Measures
from pipelines.sheet import Sheet
from pipelines.steady_offsets import OffsetMode, SteadyOffsets, join
from pipelines.steps import Array, Inverted, Placed, Rendered, Step, chunked, filtered
from pipelines.timing import StageTimes
from stabilization.filters import Gaussian, Identity, StreamFilter, unwrap_angle
from videoinv import __version__
from videoinv.editing.delta import edit_features
from videoinv.editing.edit import Edit, apply_edits
from videoinv.faces.align import crop, to_tensor
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment
from videoinv.latents import Latent
from videoinv.model import Model
from videoinv.optimize import OptimizeEncoder

SIZE_PER_SCALE = 0.7
"""Least side of what is rendered, in parts of the face's own side in the video. The change is
rendered and the rest is the source's, so a little enlargement does not show."""


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
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    provenance: bool = True
    """Write into the output's metadata that the face was edited."""


class ClipEditor:
    """One model with its face networks, ready to edit clips one after another."""

    def __init__(self, model: Model, settings: EditSettings | None = None) -> None:
        self.model = model
        self.settings = settings or EditSettings()
        self._detector, self._mesh = FaceDetector(), FaceMesh()

    def edit(
        self,
        source: Path,
        output: Path,
        edits: Sequence[Edit],
        *,
        measures: Measures | None = None,
        sheet: Sheet | None = None,
    ) -> EditReport:
        """Write ``output``, which is ``source`` with the edits in the face of one person.

        Args:
            source: a video.
            output: the result, which appears when it is complete.
            edits: what to change; none gives the inversion alone.
            measures: what to measure on every edited frame, if anything.
            sheet: collects pictures, if given.

        Raises:
            MediaError, BadInputError, OutputError: see :class:`VideoReader`, :class:`VideoWriter`.
        """
        settings = self.settings
        times = StageTimes()
        with (
            VideoReader(source) as reader,
            VideoWriter(
                output,
                reader,
                codec=settings.codec,
                crf=settings.crf,
                preset=settings.preset,
                provenance=self._provenance(edits) if settings.provenance else None,
            ) as writer,
        ):
            report = EditReport(source, output, self.model.info, [str(edit) for edit in edits])
            for step in self._progress(self._stages(reader, edits, times), reader.frame_count):
                with times.measure("paste"):
                    frame = self._paste(step)
                with times.measure("encode"):
                    writer.write(frame)
                with times.measure("measure"):
                    report.count(step.person is not None)
                    if step.person is not None and measures is not None:
                        measures.add(step.person, step.frame, frame)
                    if sheet is not None:
                        sheet.add(step, frame)
        report.finish(times, skipped=reader.skipped, dropped=writer.dropped, measures=measures)
        return report

    def _progress(
        self, steps: Iterable[Step[Rendered]], total: int | None
    ) -> Iterable[Step[Rendered]]:
        """Show the frames done on a terminal, and the step of a long inversion."""
        bar = tqdm(steps, total=total, unit="frame", disable=None)
        if isinstance(self.model.encoder, OptimizeEncoder):
            self.model.encoder.progress = lambda step, of: bar.set_postfix_str(f"step {step}/{of}")
        return bar

    def _stages(
        self, reader: VideoReader, edits: Sequence[Edit], times: StageTimes
    ) -> Iterator[Step[Rendered]]:
        frames = times.timed("decode", reader.frames())
        placed = times.timed(
            "locate", FaceLocator(self._size, self._detector, self._mesh).locate(frames)
        )
        steady = times.timed("steady", self.steady_crops(placed))
        inverted = times.timed("invert", self.invert(steady))
        smooth = times.timed("smooth", self.steady_codes(inverted))
        return times.timed("render", self.render(smooth, edits))

    def _size(self, scale: float) -> int:
        """Side of the crop for a face whose quad measures ``scale`` pixels in the frame."""
        sizes = self.model.generator.sizes
        enough = (s for s in sizes if s >= SIZE_PER_SCALE * scale)
        return self.settings.size or next(enough, sizes[-1])

    @property
    def _chunk(self) -> int:
        on_processor = self.model.generator.device.type == "cpu"
        return self.settings.chunk or (1 if on_processor else 8)

    def steady_crops(self, steps: Iterable[Step[Placed]]) -> Iterator[Step[Placed]]:
        """Smooth the crop's centre, and its scale and rotation, each over its own time."""
        centred = filtered(
            steps, lambda: _gaussian(self.settings.center_sigma), _center, _with_center
        )
        unwrap = _Unwrap()
        return filtered(
            centred, lambda: _gaussian(self.settings.shape_sigma), unwrap.shape, _with_shape
        )

    def invert(self, steps: Iterable[Step[Placed]]) -> Iterator[Step[Inverted]]:
        """Crop and encode; the first frame of a segment cold, the others from the one before."""
        last, segment, offsets = None, -1, SteadyOffsets(self.settings.offsets)
        for chunk in chunked(steps, self._chunk):
            if chunk[0].person is None:
                yield Step(chunk[0].frame, chunk[0].segment, None)
                continue
            crops = [crop(step.frame.image, step.person.alignment) for step in chunk]  # type: ignore[union-attr]
            if chunk[0].segment != segment:
                last, segment = None, chunk[0].segment
                offsets = SteadyOffsets(self.settings.offsets)
            latent = self._encode(to_tensor(crops), last, offsets)
            last = latent[-1]
            for index, step in enumerate(chunk):
                assert step.person is not None  # chunks hold people only
                inverted = Inverted(step.person, crops[index], latent[index])
                yield Step(step.frame, step.segment, inverted)

    def _encode(self, images: torch.Tensor, last: Latent | None, offsets: SteadyOffsets) -> Latent:
        steps = offsets.steps(self.settings.steps)
        if last is not None or len(images) == 1:
            return offsets.steady(self.model.invert(images, start=last, steps=steps))
        first = self._encode(images[:1], None, offsets)
        return join([first, self._encode(images[1:], first, offsets)])

    def steady_codes(self, steps: Iterable[Step[Inverted]]) -> Iterator[Step[Inverted]]:
        """Smooth the codes over time."""
        return filtered(steps, lambda: _gaussian(self.settings.code_sigma), _codes, _with_codes)

    def render(
        self, steps: Iterable[Step[Inverted]], edits: Sequence[Edit]
    ) -> Iterator[Step[Rendered]]:
        """Render each latent as it is and edited."""
        for chunk in chunked(steps, self._chunk):
            people = [step.person for step in chunk if step.person is not None]
            if not people:
                yield Step(chunk[0].frame, chunk[0].segment, None)
                continue
            times = [float(step.frame.time) for step in chunk]
            inversion, edited = self._render(people, edits, times)
            for step, person, before, after in zip(chunk, people, inversion, edited, strict=True):
                yield Step(step.frame, step.segment, Rendered(person, before, after))

    # Around the arithmetic only: a generator's decorator would also reach the stages before it.
    @torch.no_grad()
    def _render(
        self, people: Sequence[Inverted], edits: Sequence[Edit], times: Sequence[float]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        generator, size = self.model.generator, people[0].placed.alignment.size
        latent = join([person.latent for person in people])
        inversion = generator.synthesize(latent, size)
        if not edits:
            return inversion, inversion
        edited = edit_features(generator, latent, apply_edits(latent.codes, edits, times))
        return inversion, generator.synthesize(edited, size)

    def _paste(self, step: Step[Rendered]) -> Frame:
        if step.person is None:
            return step.frame
        inverted = step.person.inverted
        patch = make_patch(step.person, inverted.crop, self.settings.blend, self.settings.mask)
        alignment = inverted.placed.alignment
        return replace(step.frame, image=paste(step.frame.image, alignment, patch))

    def _provenance(self, edits: Sequence[Edit]) -> Provenance:
        return Provenance(
            "videoinv", __version__, self.model.info.source, tuple(str(edit) for edit in edits)
        )


def _gaussian(sigma: float) -> StreamFilter:
    return Gaussian(sigma) if sigma > 0 else Identity()


def _center(placed: Placed) -> Array:
    return placed.alignment.center


def _with_center(placed: Placed, center: Array) -> Placed:
    old = placed.alignment
    moved = Alignment.from_parameters(
        np.asarray(center, np.float64), old.scale, old.rotation, old.size
    )
    return replace(placed, alignment=moved)


class _Unwrap:
    """The crop's log scale and rotation, with the rotation free of jumps by whole turns."""

    def __init__(self) -> None:
        self._previous = 0.0

    def shape(self, placed: Placed) -> Array:
        self._previous = unwrap_angle(placed.alignment.rotation, self._previous)
        return np.array([np.log(placed.alignment.scale), self._previous])


def _with_shape(placed: Placed, shape: Array) -> Placed:
    old = placed.alignment
    turned = Alignment.from_parameters(
        old.center, float(np.exp(shape[0])), float(shape[1]), old.size
    )
    return replace(placed, alignment=turned)


def _codes(inverted: Inverted) -> Array:
    codes: Array = inverted.latent.codes[0].float().cpu().numpy()
    return codes


def _with_codes(inverted: Inverted, codes: Array) -> Inverted:
    smooth = torch.from_numpy(codes)[None].to(inverted.latent.codes)
    return replace(inverted, latent=inverted.latent.with_codes(smooth))
