"""``videoinv bench alignment``: how far the mesh's FFHQ quad is from the 68-point one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.media import VideoReader
from videoinv.faces.align import quad_from_68, quad_from_mesh
from videoinv.faces.detect import FaceDetector
from videoinv.faces.landmarks68 import LANDMARKS_68, Landmarks68, load_landmarks68
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Image, Points

# Differences do not depend on the crop size, which an alignment needs nevertheless.
_SIZE = 256


@dataclass(frozen=True)
class QuadDifference:
    """One frame's mesh quad against its 68-point quad."""

    center: float
    """Distance of the centres over the 68-point quad's side."""
    scale: float
    """Ratio of the sides, less one."""
    rotation: float
    """Difference of the rotations in degrees, mesh less 68-point."""


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``alignment`` to the measurements."""
    summary = "the mesh's FFHQ quad against the one from 68 landmarks"
    parser = measurements.add_parser("alignment", help=summary, description=summary)
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument(
        "--landmarks", choices=tuple(LANDMARKS_68), default="dlib", help="default: dlib"
    )
    parser.add_argument(
        "--every", type=int, default=5, metavar="N", help="measure every Nth frame (default: 5)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one row per clip and one over all."""
    landmarks = load_landmarks68(args.landmarks)
    everything: list[QuadDifference] = []
    print(f"{'clip':32} faces  centre % mean/p95  scale % bias/mean/p95  rotation ° bias/mean/p95")
    for clip in args.clips:
        with VideoReader(clip) as reader:
            images = (frame.image for frame in reader if frame.index % args.every == 0)
            differences = quad_differences(images, landmarks)
        everything += differences
        print(_line(clip.name, differences))
    print(_line("all", everything))
    return 0


def quad_differences(images: Iterable[Image], landmarks: Landmarks68) -> list[QuadDifference]:
    """The differences for the largest face of each RGB image uint8 [H, W, 3] that shows one."""
    detector, fitter = FaceDetector(), FaceMesh()
    differences = []
    for image in images:
        for face in detector.detect(image)[:1]:
            mesh = fitter.fit(image, face)
            if mesh is not None:
                reference = quad_from_68(landmarks.fit(image, face))
                differences.append(compare_quads(quad_from_mesh(mesh), reference))
    return differences


def compare_quads(quad: Points, reference: Points) -> QuadDifference:
    """How far a quad [4, 2] is from a reference quad [4, 2]."""
    ours, theirs = Alignment(quad, _SIZE), Alignment(reference, _SIZE)
    turn = ours.rotation - theirs.rotation
    return QuadDifference(
        center=float(np.hypot(*(ours.center - theirs.center))) / theirs.scale,
        scale=ours.scale / theirs.scale - 1,
        rotation=float(np.degrees(np.arctan2(np.sin(turn), np.cos(turn)))),
    )


def _line(name: str, differences: Sequence[QuadDifference]) -> str:
    if not differences:
        return f"{name:32} no face"
    center = 100 * np.array([d.center for d in differences])
    scale = 100 * np.array([d.scale for d in differences])
    rotation = np.array([d.rotation for d in differences])
    return (
        f"{name:32} {len(differences):5}  {center.mean():8.2f} /{_p95(center):6.2f}  "
        f"{scale.mean():+8.2f} /{np.abs(scale).mean():5.2f} /{_p95(scale):5.2f}  "
        f"{rotation.mean():+9.2f} /{np.abs(rotation).mean():5.2f} /{_p95(rotation):5.2f}"
    )


def _p95(values: Points) -> float:
    return float(np.percentile(np.abs(values), 95))
