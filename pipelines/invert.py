"""``videoinv invert``: photographs → reconstructions, and latents that can be rendered again."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from pipelines.folders import existing_files, folders_made, require_apart
from pipelines.model_options import add_model_options, chosen_model
from pipelines.pictures import find_pictures, read_picture, write_picture
from videoinv.editing.delta import YIELD, edit_features
from videoinv.editing.edit import Edit, apply_edits, parse_edit
from videoinv.encoders.stepwise import Stepwise
from videoinv.errors import BadInputError
from videoinv.faces.align import crop, quad_from_mesh, to_images, to_tensor
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Image
from videoinv.generators.checks import check_size
from videoinv.latent_files import save_latent
from videoinv.latents import Latent
from videoinv.model import Model

_DERIVED = re.compile(r"_(edited|step\d+)$")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``invert`` to the command line."""
    parser = commands.add_parser(
        "invert",
        help="invert the faces in photographs",
        description="Find the largest face of each photograph, invert it, and write NAME.png (the "
        "reconstruction) and NAME.safetensors (the latent, with what is needed to render it).",
        epilog="example: videoinv invert me.jpg holidays/ -o faces --edit smile=2",
    )
    parser.add_argument(
        "photos", nargs="+", metavar="IN", help="photographs (jpg, png, webp), folders, patterns"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--edit",
        action="append",
        default=[],
        metavar="NAME=STRENGTH",
        help="direction and strength, repeatable: also write NAME_edited.png",
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="the photographs are the crops already, as in FFHQ (or show no faces)",
    )
    parser.add_argument("--size", type=int, metavar="PX", help="side of the pictures written")
    group = add_model_options(parser)
    group.add_argument(
        "--all-steps",
        action="store_true",
        help="also write NAME_step0.png and so on: every look of Feature-Style, step of ReStyle, "
        "stage of E2Style, phase of HyperInverter",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Invert photographs one by one; those without a face are named and skipped."""
    photos = find_pictures(args.photos)
    _check_names(photos, args.output)
    _check_files(args, photos)
    with folders_made([args.output]):
        done = _invert(args, photos)
    print(f"{args.output}: {done} of {len(photos)} photographs inverted", file=sys.stderr)
    return 0 if done else BadInputError.exit_code


def _invert(args: argparse.Namespace, photos: Sequence[Path]) -> int:
    """How many photographs could be inverted."""
    model = chosen_model(args)
    if args.size is not None:
        check_size(model.generator, args.size)
    edits = [parse_edit(text, model.directions) for text in args.edit]
    inverter = PhotoInverter(model, aligned=args.aligned, every=args.all_steps, steps=args.steps)
    writer = ResultWriter(model, args.output, _model_notes(args, model), edits, args.size)
    return sum(_invert_one(photo, inverter, writer) for photo in photos)


def _invert_one(photo: Path, inverter: PhotoInverter, writer: ResultWriter) -> bool:
    """Whether a photograph could be inverted; if not, say why."""
    try:
        image = read_picture(photo)
    except BadInputError as error:
        print(f"videoinv: skipped: {error}", file=sys.stderr)
        return False
    inversion = inverter.invert(image)
    if inversion is None:
        print(f"videoinv: skipped: {photo} shows no face that can be found", file=sys.stderr)
        return False
    writer.write(photo, inversion)
    return True


@dataclass(frozen=True, eq=False)
class Inversion:
    """What was made of one photograph."""

    alignment: Alignment | None
    """Where the crop lies in the photograph; ``None``: the photograph is the crop."""
    steps: list[Latent]
    """After every step that was asked for; the last one is the result."""


class PhotoInverter:
    """Photograph → aligned crop → latent.

    Args:
        model: with an encoder.
        aligned: photographs are taken as the crops that they are.
        every: keep the latents after every step.
        steps: of the encoder; its own default if ``None``.

    Raises:
        BadInputError: if every step is wanted of an encoder that has only one.
    """

    def __init__(
        self, model: Model, *, aligned: bool = False, every: bool = False, steps: int | None = None
    ) -> None:
        encoder: object = model.encoder
        self._stepwise = encoder if every and isinstance(encoder, Stepwise) else None
        if every and self._stepwise is None:
            raise BadInputError(
                f"{model.info.system} has no steps to show: leave --all-steps out, or take "
                "ReStyle, E2Style, HyperInverter or the default model's Feature-Style"
            )
        self._model, self._steps = model, steps
        self._faces = None if aligned else (FaceDetector(), FaceMesh())

    def invert(self, image: Image) -> Inversion | None:
        """The inversion of an RGB photograph uint8 [H, W, 3]; ``None``: there is no face."""
        if self._faces is None:
            return Inversion(None, self._encode(image))
        alignment = self._align(image, *self._faces)
        if alignment is None:
            return None
        return Inversion(alignment, self._encode(crop(image, alignment)))

    def _align(self, image: Image, detector: FaceDetector, mesh: FaceMesh) -> Alignment | None:
        """The FFHQ crop of the largest face, at the generator's own size."""
        faces = detector.detect(image)
        points = mesh.fit(image, faces[0]) if faces else None
        if points is None:
            return None
        return Alignment(quad_from_mesh(points), self._model.generator.resolution)

    def _encode(self, image: Image) -> list[Latent]:
        images = to_tensor([image])
        if self._stepwise is not None:
            return self._stepwise.encode_steps(images, steps=self._steps)
        return [self._model.invert(images, steps=self._steps)]


class ResultWriter:
    """NAME.png and NAME.safetensors for every photograph, and what else was asked for.

    Args:
        model: renders the latents.
        folder: where everything goes.
        notes: on the model, for the latents' metadata.
        edits: if any, NAME_edited.png shows them at their strength at 0 s.
        size: side of the pictures in pixels; the generator's own if ``None``.
    """

    def __init__(
        self,
        model: Model,
        folder: Path,
        notes: Mapping[str, str],
        edits: Sequence[Edit] = (),
        size: int | None = None,
    ) -> None:
        self._model, self._folder, self._notes = model, folder, notes
        self._edits, self._size = edits, size

    def write(self, photo: Path, inversion: Inversion) -> None:
        """Write the results for one photograph.

        Raises:
            OutputError: if they cannot be written.
            BadInputError: if the generator cannot make pictures of that size.
        """
        latent = inversion.steps[-1]
        self._picture(photo.stem, latent)
        if len(inversion.steps) > 1:
            for index, step in enumerate(inversion.steps):
                self._picture(f"{photo.stem}_step{index}", step)
        if self._edits:
            self._picture(f"{photo.stem}_edited", self._edited(latent))
        self._latent(photo, inversion)

    @torch.no_grad()
    def _picture(self, name: str, latent: Latent) -> None:
        images = self._model.generator.synthesize(latent, self._size)
        write_picture(self._folder / f"{name}.png", to_images(images)[0])

    @torch.no_grad()
    def _edited(self, latent: Latent) -> Latent:
        codes = apply_edits(latent.codes, self._edits, [0.0])
        return edit_features(self._model.generator, latent, codes, YIELD)

    def _latent(self, photo: Path, inversion: Inversion) -> None:
        steps = inversion.steps
        codes = torch.stack([step.codes for step in steps]) if len(steps) > 1 else None
        place = inversion.alignment
        notes = {
            **self._notes,
            "photo": photo.name,
            "size": str(self._size or self._model.generator.resolution),
            "quad": json.dumps(None if place is None else place.quad.tolist()),
        }
        save_latent(self._folder / f"{photo.stem}.safetensors", steps[-1], notes, codes)


def _model_notes(args: argparse.Namespace, model: Model) -> dict[str, str]:
    """What is needed to load the generator again, and what the latents were made by."""
    notes = {
        "model": model.info.source,
        "sha256": model.info.digest,
        "system": model.info.system,
        "resolution": str(model.info.resolution),
        "terms": model.info.terms,
    }
    given = {"encoder": args.encoder, "generator": args.generator}
    return notes | {name: str(value) for name, value in given.items() if value is not None}


def _check_names(photos: Sequence[Path], folder: Path) -> None:
    """Refuse what would make two photographs, or a photograph and a result, one file."""
    if any(photo.parent.resolve() == folder.resolve() for photo in photos):
        raise BadInputError(
            f"{folder} holds photographs to invert: results need another folder, so that none is "
            "overwritten"
        )
    by_stem: dict[str, Path] = {}
    for photo in photos:
        twin = by_stem.setdefault(photo.stem, photo)
        if twin is not photo:
            raise BadInputError(
                f"{twin} and {photo} would both become {photo.stem}.png: rename one"
            )
    for photo in photos:
        if (base := _DERIVED.sub("", photo.stem)) != photo.stem and base in by_stem:
            raise BadInputError(f"{photo} has the name of a result of {by_stem[base]}: rename it")


def _check_files(args: argparse.Namespace, photos: Sequence[Path]) -> None:
    """Refuse results that would overwrite a photograph, a direction or a file of the model."""
    directions = [text.partition("=")[0].strip() for text in args.edit]
    inputs = existing_files([args.model, args.encoder, args.generator, *directions])
    endings = (".png", "_edited.png", ".safetensors")
    outputs = [args.output / f"{photo.stem}{ending}" for photo in photos for ending in endings]
    require_apart([("output", path) for path in outputs], [*photos, *inputs])
