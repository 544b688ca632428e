"""``videoinv directions``: list them, fit them to attributes, discover them without labels."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.folders import existing_files, require_apart, require_folders_of
from pipelines.scored_samples import Sampling, scored_samples
from pipelines.strip import save_strips
from videoinv import load
from videoinv.editing.directions import (
    DEFAULT_FILE,
    Direction,
    Directions,
    load_direction,
    load_directions,
    save_directions,
)
from videoinv.editing.discover import StyledGenerator, ganspace, sefa
from videoinv.editing.fit import condition_all, fit_hyperplane
from videoinv.editing.reach import kept_to_first_rows
from videoinv.errors import BadInputError
from videoinv.faces.attributes import ATTRIBUTES, AttributeScorer

FITTED = ("smile", "age", "gender", "eyes_open", "mouth_open", "yaw", "pitch")
KEEP = {
    "smile": ("age", "gender", "yaw", "pitch", "eyes_open"),
    "age": ("gender", "smile", "yaw", "pitch"),
    "gender": ("age", "smile", "yaw", "pitch"),
    "eyes_open": ("age", "gender", "smile", "yaw", "pitch"),
    "mouth_open": ("age", "gender", "yaw", "pitch", "eyes_open"),
    "yaw": ("age", "gender", "smile", "pitch"),
    "pitch": ("age", "gender", "smile", "yaw"),
}
"""What each direction leaves as it is. Smile and open mouth are not held against each other: a
smile that may not part the lips is a grimace."""
LENGTHS = {"age": 2.0}
"""Where it is not 1: a unit of age is not seen, of a smile it is."""
TRIED = 24
"""Faces on which it is measured how far down a direction has to reach."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``directions`` and its actions to the command line."""
    parser = commands.add_parser("directions", help="list, fit and discover edit directions")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_list(actions)
    _add_fit(actions)
    _add_discover(actions)
    strip = actions.add_parser("strip", help="pictures of what each direction does")
    strip.add_argument("folder", type=Path, metavar="FOLDER", help="where NAME.png are written")
    strip.add_argument("--file", type=Path, default=DEFAULT_FILE, metavar="SAFETENSORS")
    strip.set_defaults(run=_strip)


def _add_list(actions: Any) -> None:
    parser = actions.add_parser("list", help="the directions of a file, ours by default")
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE, metavar="SAFETENSORS")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="published direction files (.pt, .npy): print the cosine to each of ours",
    )
    parser.set_defaults(run=_list)


def _add_fit(actions: Any) -> None:
    parser = actions.add_parser(
        "fit", help="fit directions to attributes of generated faces, as InterFaceGAN does"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SAFETENSORS")
    parser.add_argument("--model", default="default", metavar="NAME")
    parser.add_argument("--samples", type=int, default=3000, metavar="N")
    parser.add_argument("--truncation", type=float, default=0.8, metavar="PSI")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scores",
        type=Path,
        metavar="NPZ",
        help="keep the scored samples here as they are made, and go on from it",
    )
    parser.set_defaults(run=_fit)


def _add_discover(actions: Any) -> None:
    parser = actions.add_parser("discover", help="directions without labels: SeFa or GANSpace")
    parser.add_argument("method", choices=("sefa", "ganspace"))
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SAFETENSORS")
    parser.add_argument("--model", default="default", metavar="NAME")
    parser.add_argument("--rows", default="0-9", metavar="FIRST-LAST")
    parser.add_argument("--count", type=int, default=10, metavar="N")
    parser.set_defaults(run=_discover)


def _list(args: argparse.Namespace) -> int:
    directions = load_directions(args.file)
    for direction in directions.values():
        print(f"{direction.name:12} {direction.about}")
    for path in args.compare:
        published = load_direction(path).delta.mean(dim=0)
        cosines = {
            name: float(torch.cosine_similarity(d.delta.mean(dim=0), published, dim=0))
            for name, d in directions.items()
        }
        print(f"{path.name}: " + ", ".join(f"{name} {c:+.2f}" for name, c in cosines.items()))
    return 0


def _fit(args: argparse.Namespace) -> int:
    outputs = [("--output", args.output), ("--scores", args.scores)]
    require_apart(outputs, existing_files([args.model]))
    require_folders_of(args.output, args.scores)
    model = load(args.model)
    sampling = Sampling(model.info.generator_digest, args.seed, args.truncation)
    codes, scores = scored_samples(model.generator, sampling, args.samples, args.scores)
    planes = {
        name: fit_hyperplane(codes, scores[:, ATTRIBUTES.index(name)], seed=args.seed)
        for name in FITTED
    }
    normals = condition_all({name: plane.normal for name, plane in planes.items()}, KEEP)
    faces = torch.from_numpy(codes[:TRIED]).float()[:, None].expand(-1, model.generator.styles, -1)
    scorer = AttributeScorer(model.generator.device)
    found = {}
    for name in FITTED:
        delta = LENGTHS.get(name, 1.0) * torch.from_numpy(normals[name]).float()
        score = partial(_attribute, scorer, name)
        kept, side = kept_to_first_rows(model.generator, delta, score, faces)
        about = (
            f"hyperplane of {len(codes)} samples, held-out accuracy {planes[name].accuracy:.2f}, "
            f"conditioned on {', '.join(KEEP[name])}, reaches the features at {side}²"
        )
        found[name] = Direction(name, kept, about)
        print(f"{name:12} {about}")
    save_directions(args.output, Directions(found))
    return 0


def _attribute(scorer: AttributeScorer, name: str, images: torch.Tensor) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = scorer.score(images)[name]
    return scores


def _discover(args: argparse.Namespace) -> int:
    require_apart([("--output", args.output)], existing_files([args.model]))
    require_folders_of(args.output)
    generator = load(args.model).generator
    first, _, last = args.rows.partition("-")
    if not first.isdigit() or not (last or first).isdigit():
        raise BadInputError(f"--rows is '{args.rows}'; write FIRST-LAST, such as 0-9")
    rows = range(int(first), int(last or first) + 1)
    if not rows or rows[-1] >= generator.styles:
        raise BadInputError(f"--rows is '{args.rows}'; allowed are 0-{generator.styles - 1}")
    if args.method == "ganspace":
        found = ganspace(generator, rows, args.count)
    elif isinstance(generator, StyledGenerator):
        found = sefa(generator, rows, args.count)
    else:
        raise BadInputError(f"SeFa reads the style layers, which {args.model} does not show")
    save_directions(args.output, found)
    print(f"{args.output}: {', '.join(found)}")
    return 0


def _strip(args: argparse.Namespace) -> int:
    save_strips(load("default").generator, load_directions(args.file), args.folder)
    return 0
