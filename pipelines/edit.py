"""Edit faces in a video: the main job, as a chain of streaming stages side by side.

decode → locate → steady the crop → invert → steady the codes → render → paste → encode → measure.
Every stage takes an iterator and is one, so the memory held is the look-ahead, the short queues
between the stages and one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from pipelines.cache.analysis import AnalysisCache, Keep
from pipelines.cache.networks import TapedInverter, taped
from pipelines.cache.settings import face_settings, latent_settings
from pipelines.cache.tape import Tape
from pipelines.cast import FaceEdits
from pipelines.compose import Compositor
from pipelines.edit_settings import EditSettings
from pipelines.face_networks import FaceNetworks
from pipelines.inverting import RunInverter
from pipelines.lip_sync import LipSync
from pipelines.locate import FaceLocator
from pipelines.measures import Measures
from pipelines.media.pixel_aspect import as_stored, with_square_pixels
from pipelines.media.provenance import Provenance
from pipelines.media.reader import VideoReader
from pipelines.media.writer import VideoWriter
from pipelines.rendering import finish, render
from pipelines.report import EditReport
from pipelines.sheet import Sheet
from pipelines.steady import steady_codes, steady_crops
from pipelines.steps import Finished, Inverted, Placed, Rendered, Step
from pipelines.stream import Stream
from pipelines.timing import StageTimes
from videoinv import __version__
from videoinv.encoders.protocol import Encoder
from videoinv.generators.checks import check_size
from videoinv.model import Model
from videoinv.optimize import OptimizeEncoder

__all__ = ["ClipEditor", "EditSettings"]

SIZE_PER_SCALE = 0.7
"""Least side of what is rendered, in parts of the face's own side in the video. The change is
rendered and the rest is the source's, so a little enlargement does not show."""


class ClipEditor:
    """One model with its face networks, ready to edit clips one after another.

    Raises:
        BadInputError: if the generator makes no pictures of the size in the settings.
    """

    def __init__(self, model: Model, settings: EditSettings | None = None) -> None:
        self.model = model
        self.settings = settings or EditSettings()
        if self.settings.size is not None:
            check_size(model.generator, self.settings.size)
        self.networks = FaceNetworks()

    def edit(
        self,
        source: Path,
        output: Path,
        faces: Sequence[FaceEdits],
        *,
        measures: Measures | None = None,
        sheet: Sheet | None = None,
        keep: Keep | None = None,
    ) -> EditReport:
        """Write ``output``, which is ``source`` with the edits in the faces of the people chosen.

        Args:
            source: a video.
            output: the result, which appears when it is complete.
            faces: whom to change, and how.
            measures: what to measure on every edited frame, if anything.
            sheet: collects pictures, if given.
            keep: where the analysis is kept, for the next edit or to go on after a kill;
                ``None``: nowhere.

        Raises:
            MediaError, BadInputError, OutputError: see :class:`VideoReader`, :class:`VideoWriter`,
                :class:`AnalysisCache`; an error within a stage also says which, and the frame.
            BadInputError: if a face that is chosen by number or picture is not in the video, or an
                edit moves rows that the generator has not.
        """
        for edit in (edit for some in faces for edit in some.edits):
            edit.delta(self.model.generator.styles, [0.0])  # refuses them before the work
        times = StageTimes()
        report = EditReport(source, output, self.model.info, faces)
        with (
            VideoReader(source, rate=self.settings.rate) as reader,
            AnalysisCache(keep, reader.pictures or (source,)) as cache,
            self._writer(output, reader, faces) as writer,
            _progress_restored(self.model.encoder),
            Stream(times, side_by_side=self.settings.side_by_side) as stream,
        ):
            inverted = self._analysis(stream, reader, faces, cache)
            written = stream.stage("encode", _written(writer, self._film(stream, inverted, faces)))
            measured = stream.stage("measure", _measured(written, faces, measures, sheet))
            for finished in self._progress(stream, measured, reader.frame_count):
                report.count(finished.step)
            report.require_all()
        report.finish(
            times,
            skipped=reader.skipped,
            dropped=writer.dropped,
            measures=measures,
            analysis=cache,
        )
        return report

    def _writer(self, output: Path, reader: VideoReader, faces: Sequence[FaceEdits]) -> VideoWriter:
        settings = self.settings
        edits = tuple(text for some in faces for text in some.public_texts)
        model = Path(self.model.info.source).name
        provenance = Provenance("videoinv", __version__, model, edits)
        return VideoWriter(
            output,
            reader,
            codec=settings.codec,
            crf=settings.crf,
            preset=settings.preset,
            provenance=provenance if settings.provenance else None,
        )

    def _analysis(
        self,
        stream: Stream,
        reader: VideoReader,
        faces: Sequence[FaceEdits],
        cache: AnalysisCache,
    ) -> Iterator[Step[Inverted]]:
        """What does not depend on the edits: who is where, and their latents.

        Latents are not kept if every frame has weight offsets of its own: 94 MB at 1024 px.
        """
        settings, times = self.settings, stream.times
        choices = [some.face for some in faces]
        about_faces = face_settings(choices, settings.detect_every)
        about_latents = about_faces | latent_settings(self.model, settings, self._chunk)
        networks = taped(self.networks, cache.tape("faces", about_faces))
        locator = FaceLocator(self._size, networks, choices, settings.detect_every)
        square = (with_square_pixels(frame, reader.pixel_aspect) for frame in reader.frames())
        frames = stream.stage("decode", square)
        placed = times.timed("locate", locator.locate(frames))
        steady = stream.stage(
            "steady", steady_crops(placed, settings.center_sigma, settings.shape_sigma)
        )
        tape = cache.tape("latents", about_latents) if settings.offsets == "segment" else None
        return stream.stage("invert", self.invert(steady, tape))

    def _film(
        self, stream: Stream, inverted: Iterator[Step[Inverted]], faces: Sequence[FaceEdits]
    ) -> Iterator[Finished]:
        """The edited frames."""
        settings = self.settings
        steady = steady_codes(inverted, settings.code_sigma, self.model.generator)
        smooth = stream.times.timed("smooth", steady)
        rendered = stream.stage("render", self._render(smooth, faces))
        compositor = Compositor(settings.blend, settings.mask, skin_tone=settings.skin_tone)
        return stream.stage("paste", finish(rendered, compositor))

    def invert(
        self, steps: Iterable[Step[Placed]], tape: Tape | None = None
    ) -> Iterator[Step[Inverted]]:
        """Crop and encode everybody, as the settings say; the networks' answers are on ``tape``."""
        settings = self.settings
        inverter = TapedInverter(self.model, tape or Tape(None))
        return RunInverter(inverter, self._chunk, settings.steps, settings.offsets).invert(steps)

    def _render(
        self, steps: Iterable[Step[Inverted]], faces: Sequence[FaceEdits]
    ) -> Iterator[Step[Rendered]]:
        lips = LipSync.of(self.model) if self.settings.lip_sync else None
        return render(steps, self.model.generator, faces, self._chunk, lips)

    def _progress(
        self, stream: Stream, frames: Iterable[Finished], total: int | None
    ) -> Iterable[Finished]:
        """Show the frames done on a terminal, and the step of a long inversion."""
        bar = tqdm(frames, total=total, unit="frame", disable=None)

        def advance(step: int, of: int) -> None:
            stream.check()
            bar.set_postfix_str(f"step {step}/{of}")

        if isinstance(self.model.encoder, OptimizeEncoder):
            self.model.encoder.progress = advance
        return bar

    def _size(self, scale: float) -> int:
        """Side of the crop for a face whose quad measures ``scale`` pixels in the frame."""
        sizes = self.model.generator.sizes
        enough = (s for s in sizes if s >= SIZE_PER_SCALE * scale)
        return self.settings.size or next(enough, sizes[-1])

    @property
    def _chunk(self) -> int:
        on_processor = self.model.generator.device.type == "cpu"
        return self.settings.chunk or (1 if on_processor else 8)


@contextmanager
def _progress_restored(encoder: Encoder | None) -> Iterator[None]:
    """The encoder outlives the stream, whose progress it tells, and may go on in another one."""
    if not isinstance(encoder, OptimizeEncoder):
        yield
        return
    before = encoder.progress
    try:
        yield
    finally:
        encoder.progress = before


def _written(writer: VideoWriter, frames: Iterable[Finished]) -> Iterator[Finished]:
    for finished in frames:
        writer.write(as_stored(finished.step.frame, finished.frame))
        yield finished


def _measured(
    frames: Iterable[Finished],
    faces: Sequence[FaceEdits],
    measures: Measures | None,
    sheet: Sheet | None,
) -> Iterator[Finished]:
    for finished in frames:
        if measures is not None:
            measures.add(finished.step, finished.frame, faces)
        if sheet is not None:
            sheet.add(finished.step, finished.frame)
        yield finished
