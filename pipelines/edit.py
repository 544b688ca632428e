"""Edit faces in a video: the main job, as a chain of streaming stages.

decode → locate → steady the crop → invert → steady the codes → edit and render → paste → encode.
Every stage takes an iterator and is one, so the memory held is the look-ahead and one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import torch
from tqdm import tqdm

from pipelines.cast import FaceEdits
from pipelines.compose import Blend, MaskSettings, make_patch, paste
from pipelines.locate import DETECT_EVERY, FaceLocator, FaceNetworks
from pipelines.media.frame import Frame
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.writer import VideoWriter
from pipelines.report import EditReport, Measures
from pipelines.sheet import Sheet
from pipelines.steady import steady_codes, steady_crops
from pipelines.steady_offsets import OffsetMode, SteadyOffsets, join
from pipelines.steps import Inverted, Placed, Rendered, Step, by_run, chunked
from pipelines.timing import StageTimes
from videoinv import __version__
from videoinv.editing.delta import edit_features
from videoinv.editing.edit import Edit, apply_edits
from videoinv.faces.align import crop, to_tensor
from videoinv.latents import Latent
from videoinv.model import Model
from videoinv.optimize import OptimizeEncoder

A = TypeVar("A")
B = TypeVar("B")

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
        self.networks = FaceNetworks()

    def edit(
        self,
        source: Path,
        output: Path,
        faces: Sequence[FaceEdits],
        *,
        measures: Measures | None = None,
        sheet: Sheet | None = None,
    ) -> EditReport:
        """Write ``output``, which is ``source`` with the edits in the faces of the people chosen.

        Args:
            source: a video.
            output: the result, which appears when it is complete.
            faces: whom to change, and how.
            measures: what to measure on every edited frame, if anything.
            sheet: collects pictures, if given.

        Raises:
            MediaError, BadInputError, OutputError: see :class:`VideoReader`, :class:`VideoWriter`.
            BadInputError: if a face that is chosen by number or picture is not in the video.
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
                provenance=self._provenance(faces) if settings.provenance else None,
            ) as writer,
        ):
            report = EditReport(source, output, self.model.info, faces)
            for step in self._progress(self._stages(reader, faces, times), reader.frame_count):
                with times.measure("paste"):
                    frame = self._paste(step)
                with times.measure("encode"):
                    writer.write(frame)
                with times.measure("measure"):
                    report.count(step)
                    if measures is not None:
                        measures.add(step, frame, faces)
                    if sheet is not None:
                        sheet.add(step, frame)
            report.require_all()
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
        self, reader: VideoReader, faces: Sequence[FaceEdits], times: StageTimes
    ) -> Iterator[Step[Rendered]]:
        settings = self.settings
        locator = FaceLocator(
            self._size, self.networks, [some.face for some in faces], settings.detect_every
        )
        frames = times.timed("decode", reader.frames())
        placed = times.timed("locate", locator.locate(frames))
        steady = times.timed(
            "steady", steady_crops(placed, settings.center_sigma, settings.shape_sigma)
        )
        inverted = times.timed("invert", self.invert(steady))
        smooth = times.timed("smooth", steady_codes(inverted, settings.code_sigma))
        return times.timed("render", self.render(smooth, faces))

    def _size(self, scale: float) -> int:
        """Side of the crop for a face whose quad measures ``scale`` pixels in the frame."""
        sizes = self.model.generator.sizes
        enough = (s for s in sizes if s >= SIZE_PER_SCALE * scale)
        return self.settings.size or next(enough, sizes[-1])

    @property
    def _chunk(self) -> int:
        on_processor = self.model.generator.device.type == "cpu"
        return self.settings.chunk or (1 if on_processor else 8)

    def invert(self, steps: Iterable[Step[Placed]]) -> Iterator[Step[Inverted]]:
        """Crop and encode; the first frame of a run cold, the others from the one before."""
        running: dict[int, _Running] = {}
        for chunk in chunked(steps, self._chunk):
            people: list[dict[int, Inverted]] = [{} for _ in chunk]
            for run, placed in by_run(chunk).items():
                state = running.setdefault(run, _Running(SteadyOffsets(self.settings.offsets)))
                crops = [crop(chunk[at].frame.image, place.alignment) for at, place in placed]
                latent = self._encode(to_tensor(crops), state)
                for index, (at, place) in enumerate(placed):
                    people[at][run] = Inverted(place, crops[index], latent[index])
            running = {run: state for run, state in running.items() if run in chunk[-1].people}
            yield from _steps(chunk, people)

    def _encode(self, images: torch.Tensor, state: _Running) -> Latent:
        """The latents of the next frames of a run."""
        steps = state.offsets.steps(self.settings.steps)
        if state.last is None and len(images) > 1:
            return join([self._encode(part, state) for part in (images[:1], images[1:])])
        latent = state.offsets.steady(self.model.invert(images, start=state.last, steps=steps))
        state.last = latent[-1]
        return latent

    def render(
        self, steps: Iterable[Step[Inverted]], faces: Sequence[FaceEdits]
    ) -> Iterator[Step[Rendered]]:
        """Render each latent as it is and edited."""
        for chunk in chunked(steps, self._chunk):
            rendered: list[dict[int, Rendered]] = [{} for _ in chunk]
            for run, people in by_run(chunk).items():
                for roles, some in _by_roles(people).items():
                    edits = [edit for role in roles for edit in faces[role].edits]
                    times = [float(chunk[at].frame.time) for at, _ in some]
                    pictures = self._render([person for _, person in some], edits, times)
                    for (at, person), before, after in zip(some, *pictures, strict=True):
                        rendered[at][run] = Rendered(person, before, after)
            yield from _steps(chunk, rendered)

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
        """The finished frame; where crops overlap, the nearer face, the larger, comes last."""
        image = step.frame.image
        for person in sorted(step.people.values(), key=_size_in_frame):
            patch = make_patch(
                person, person.inverted.crop, self.settings.blend, self.settings.mask
            )
            image = paste(image, person.inverted.placed.alignment, patch)
        return replace(step.frame, image=image)

    def _provenance(self, faces: Sequence[FaceEdits]) -> Provenance:
        edits = tuple(text for some in faces for text in some.texts)
        return Provenance("videoinv", __version__, self.model.info.source, edits)


@dataclass
class _Running:
    """What the frames of a run so far leave to the next ones."""

    offsets: SteadyOffsets
    last: Latent | None = None


def _steps(chunk: Sequence[Step[A]], people: Sequence[Mapping[int, B]]) -> Iterator[Step[B]]:
    """The same frames with the people as the next stage wants them."""
    for step, some in zip(chunk, people, strict=True):
        yield Step(step.frame, {run: some[run] for run in step.people})


def _by_roles(
    people: Sequence[tuple[int, Inverted]],
) -> dict[tuple[int, ...], list[tuple[int, Inverted]]]:
    """One run's people of a chunk by what is done to them: a role may begin inside a run."""
    groups: dict[tuple[int, ...], list[tuple[int, Inverted]]] = {}
    for at, person in people:
        groups.setdefault(person.placed.roles, []).append((at, person))
    return groups


def _size_in_frame(person: Rendered) -> float:
    return person.inverted.placed.alignment.scale
