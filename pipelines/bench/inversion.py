"""``videoinv bench inversion``: each encoder's reconstruction, editability and time, side by side.

Rows are the mean face, every step of the encoders that refine, optimisation with several budgets,
and optimisation that begins where an encoder ended; columns are the papers' five scores, seconds
per face, and what an edit of each strength does to the attribute that it is named after
(HyperInverter's Table 2), by which one sees what a good reconstruction was paid with. ``--graph``
draws ReStyle's Fig. 5: quality over time.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from tqdm import tqdm

from pipelines.bench.clock import timed
from pipelines.bench.inversion_table import (
    OPTIMISATION,
    Edited,
    Face,
    Row,
    against_optimisation,
    common,
    header,
    lines,
    printed,
    write_csv,
    write_json,
)
from pipelines.bench.quality_time import draw
from pipelines.folders import existing_files, require_apart, require_folders_of
from pipelines.plotting import require_matplotlib
from pipelines.short_names import short_names
from videoinv.default import OPTIMIZE, load_default
from videoinv.devices import has_fast_bfloat16, resolve_device
from videoinv.editing.delta import YIELD, edit_features
from videoinv.encoders.hyperinverter import HyperInverter
from videoinv.encoders.light.shipped import shipped_encoders
from videoinv.encoders.protocol import Encoder
from videoinv.encoders.restyle import ReStyle
from videoinv.errors import BadInputError
from videoinv.faces.align import to_tensor
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer
from videoinv.latents import Features, Latent
from videoinv.metrics.reconstruction import ReconstructionMetrics
from videoinv.metrics.referee import SAME_PERSON, Referee
from videoinv.model import Model
from videoinv.optimize import OptimizeEncoder, OptimizeSettings
from videoinv.training.photos import Photographs

SIDE = 256
"""Side in pixels of sources and renders."""
BUDGETS = (25, 50, 100, 200)
STRENGTHS = (1.0, 2.0, 3.0)
HYBRID = (5, 10, 25)
"""Steps of optimisation after an encoder."""

Follows = Literal["yielding", "Eq. (1)", "no"]
"""ΔF gives way to an edit, stays as in the paper, or the features are the source's, edit or not."""
Invert = Callable[[Tensor], Latent]


@dataclass(frozen=True)
class Way:
    """A name and what it does; ``follows`` says how features follow an edit."""

    name: str
    invert: Invert
    family: str = ""
    follows: Follows = "yielding"
    optimises: bool = False


class InversionBench:
    """Measures ways of inverting the same faces with one model's generator and directions.

    Args:
        model: its generator and directions are used, and not its encoder.
        faces: [1, 3, SIDE, SIDE] each.
        edit: direction and attribute.
        strengths: of the edit.
        few: ways that optimise are measured on the first few faces only.
        referee: says who it is, too.
    """

    def __init__(
        self,
        model: Model,
        faces: Sequence[Tensor],
        edit: str,
        strengths: Sequence[float],
        *,
        few: int | None = None,
        referee: Referee | None = None,
    ) -> None:
        self._model, self._faces, self._few = model, faces, few
        self._referee = referee
        self._edit, self._strengths = edit, strengths
        self._metrics, self._scorer = ReconstructionMetrics(), AttributeScorer()

    def measure(self, way: Way) -> Row:
        """Invert every face by itself, score it, edit it, score that."""
        faces = self._faces[: self._few] if way.optimises else self._faces
        return Row(way.name, way.family, tuple(self._face(way, face) for face in faces))

    def _face(self, way: Way, face: Tensor) -> Face:
        latent, seconds = timed(self._model.generator.device, partial(way.invert, face))
        shown = self._render(latent)
        edited = [self._render(self._edited(latent, s, way.follows)) for s in self._strengths]
        pictures = torch.cat([shown, *edited]).clamp(-1, 1)
        scores = self._metrics.measure(pictures, face.expand_as(pictures))
        before, *after = self._scorer.score(pictures)[self._edit]
        results = zip(self._strengths, after, scores[1:], strict=True)
        edits = tuple(Edited(s, float(value - before), kept.identity) for s, value, kept in results)
        distance = None
        if self._referee is not None:
            distance = float(self._referee.distances(shown.clamp(-1, 1), face)[0])
        return Face(scores[0], seconds, edits, distance)

    def _edited(self, latent: Latent, strength: float, follows: Follows) -> Latent:
        generator, added = self._model.generator, latent.features
        direction = self._model.directions[self._edit].rows(latent.codes.shape[1])
        codes = latent.codes + strength * direction.to(latent.codes)
        if follows == "yielding":
            return edit_features(generator, latent, codes, YIELD)
        if follows == "Eq. (1)" or added is None:
            return edit_features(generator, latent, codes)
        own = generator.features(latent.codes, added.layer)
        return Latent(codes, Features(own + added.tensor.to(own), added.layer, "replace"))

    @torch.no_grad()
    def _render(self, latent: Latent) -> Tensor:
        generator = self._model.generator
        return generator.synthesize(latent.to(dtype=generator.dtype), SIDE).float().cpu()


def ways(
    models: Iterable[tuple[str, Model]], optimizer: Model, budgets: Sequence[int]
) -> Iterator[Way]:
    """The mean face, every encoder step by step and by its codes alone, and optimisation."""
    mean = optimizer.generator.mean_codes.float()[None]
    yield Way("mean face", lambda face: Latent(mean))
    for name, model in models:
        encoder = _encoder(model)
        steps = getattr(encoder, "default_steps", 1)
        for step in range(1, steps + 1):
            label = name if steps == 1 else f"{name}, {step} of {steps}"
            invert = partial(encoder.encode, steps=step)
            yield Way(label, invert, name)
        yield from _ablations(name, encoder)
        if isinstance(encoder, HyperInverter):
            continue  # optimisation has no place for its weights
        for budget in HYBRID:
            then = partial(_hybrid, encoder, _encoder(optimizer), steps=budget)
            family = f"{name}, then {OPTIMISATION}"
            yield Way(f"{name}, then {budget} steps", then, family, optimises=True)
    for budget in budgets:
        invert = partial(_encoder(optimizer).encode, steps=budget)
        yield Way(f"{OPTIMISATION}, {budget} steps", invert, OPTIMISATION, optimises=True)
    if budgets:
        invert = partial(_of_codes_alone(_encoder(optimizer)).encode, steps=budgets[-1])
        name = f"{OPTIMISATION} of codes alone, {budgets[-1]} steps"
        yield Way(name, invert, optimises=True)


def _ablations(name: str, encoder: Encoder) -> Iterator[Way]:
    """What the seed papers show to be worse: codes without features, Eq. (1), or refinement."""
    if name == "feature-style":
        yield Way(f"{name}, codes alone", lambda face: Latent(encoder.encode(face).codes))
        yield Way(f"{name}, edited by plain Eq. (1)", encoder.encode, follows="Eq. (1)")
        yield Way(f"{name}, edited without Eq. (1)", encoder.encode, follows="no")
    if isinstance(encoder, ReStyle):
        yield Way(f"{name}, fed its own image twice", lambda face: _naive(encoder, face))
        yield Way(f"{name}, no residuals", lambda face: _absolute(encoder, face))


def _of_codes_alone(optimizer: Encoder) -> OptimizeEncoder:
    """What codes can show and how they edit: the upper bound of encoders without features."""
    assert isinstance(optimizer, OptimizeEncoder)
    settings = replace(optimizer.settings, rows_only=1.0)
    return OptimizeEncoder(optimizer.generator, optimizer.perceptual, settings)


def _hybrid(encoder: Encoder, optimizer: Encoder, face: Tensor, steps: int) -> Latent:
    """The encoder's latent, then optimised; codes alone get features that begin at zero."""
    latent = encoder.encode(face)
    if latent.features is None:
        layer = OptimizeSettings().feature_layer
        shape = optimizer.generator.feature_shape(layer)  # type: ignore[attr-defined]
        zero = latent.codes.new_zeros(len(latent.codes), *shape)
        latent = Latent(latent.codes, Features(zero, layer, "add"))
    return optimizer.encode(face, start=latent, steps=steps)


def _naive(encoder: ReStyle, face: Tensor) -> Latent:
    """Re-feeding: the encoder's own image takes the place of the input (ReStyle, §4.3)."""
    latent = encoder.encode(face, steps=1)
    for _ in range(2):
        image = encoder.generator.synthesize(latent, SIDE)
        latent = encoder.encode(image.float(), steps=1)
    return latent


@torch.no_grad()
def _absolute(encoder: ReStyle, face: Tensor) -> Latent:
    """Three steps, each one's answer taken for the codes and not added to the last ones."""
    step = encoder.stepper(encoder.framing.fit(face.to(encoder.mean_codes)))
    mean = encoder.mean_codes[None]
    codes = step(encoder.average_image, mean)
    for _ in range(2):
        codes = step(encoder.seen(codes), mean)
    return Latent(codes)


def _encoder(model: Model) -> Encoder:
    assert model.encoder is not None  # the default model always has one
    return model.encoder


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``inversion`` to the measurements."""
    summary = "reconstruction, editability and time of every encoder of the default model"
    parser = measurements.add_parser("inversion", help=summary, description=summary)
    parser.add_argument(
        "photos", type=Path, metavar="PHOTOS", help="folder or zip of FFHQ-aligned faces"
    )
    parser.add_argument("--count", type=int, metavar="N", help="the first N faces; default: all")
    parser.add_argument(
        "--few",
        type=int,
        metavar="N",
        help="as many for what optimises, which is slow; what is compared is then these",
    )
    parser.add_argument(
        "--encoders", nargs="*", metavar="NAME", help="names or files; default: all shipped ones"
    )
    parser.add_argument(
        "--budgets", nargs="*", type=int, default=list(BUDGETS), help="steps of optimisation"
    )
    parser.add_argument(
        "--edit", choices=ATTRIBUTES, default="smile", help="edited attribute (default: smile)"
    )
    parser.add_argument(
        "--strength", nargs="+", type=float, default=list(STRENGTHS), help="of the edit"
    )
    parser.add_argument(
        "--referee",
        action="store_true",
        help="a column for the distance that dlib's network sees, which no encoder was trained "
        f"with; below {SAME_PERSON} it is one person (extra: dlib)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table there, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the same as JSON")
    parser.add_argument(
        "--graph", type=Path, metavar="PNG", help="draw LPIPS over seconds (extra: plot)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print and write a row as soon as it is measured."""
    for name, number in (("--count", args.count), ("--few", args.few)):
        if number is not None and number < 1:
            raise BadInputError(f"{name} is {number}; allowed are 1 and more")
    outputs = [("--csv", args.csv), ("--json", args.json), ("--graph", args.graph)]
    inputs = [args.photos, *args.photos.rglob("*"), *existing_files(args.encoders or [])]
    require_apart(outputs, inputs)
    require_folders_of(args.csv, args.json, args.graph)
    if args.graph is not None:
        require_matplotlib()
    referee = Referee() if args.referee else None  # what is missing is told before the work
    device = resolve_device(args.device)
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    photos = Photographs(args.photos, SIDE)
    faces = [to_tensor([photos[i]]) for i in range(len(photos))[: args.count]]
    names = args.encoders if args.encoders is not None else list(shipped_encoders())
    titles = short_names(names)
    models = [(titles[name], load_default(name, device, dtype)) for name in titles]
    optimizer = load_default(OPTIMIZE, device, dtype)
    bench = InversionBench(
        optimizer, faces, args.edit, args.strength, few=args.few, referee=referee
    )
    rows: list[Row] = []
    print(f"{len(faces)} faces of {args.photos.name}; edited: {args.edit}")
    print(header(args.strength, referee=args.referee))
    for way in tqdm(list(ways(models, optimizer, args.budgets)), disable=None, leave=False):
        rows.append(bench.measure(way))
        print(printed(rows[-1]), flush=True)
        _write(args, rows)
    for sentence in against_optimisation(rows):
        print(sentence)
    return 0


def _write(args: argparse.Namespace, rows: Sequence[Row]) -> None:
    """All that is asked for, after every row: the next one may take an hour."""
    if args.csv is not None:
        write_csv(args.csv, rows)
    if args.json is not None:
        machine = f"{platform.machine()}, {torch.get_num_threads()} threads"
        about = {"photos": args.photos.name, "edit": args.edit, "machine": machine}
        write_json(args.json, about, rows)
    if args.graph is not None and lines(rows):
        compared = common(rows)
        draw(args.graph, lines(compared), f"{compared[0].faces} faces of {args.photos.name}")
