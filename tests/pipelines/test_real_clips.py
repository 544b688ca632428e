"""Whole clips through the main job, at its default settings. Minutes each.

Set VIDEOINV_CLIPS to a folder to run the same on clips of your own.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.cli import main
from pipelines.media import VideoReader
from videoinv.checkpoints.fetch import fetch
from videoinv.faces.align import quad_from_mesh
from videoinv.faces.detect import FaceDetector
from videoinv.faces.mesh import FaceMesh

from .inspection import packet_digests, timestamps


def clips():
    folder = os.environ.get("VIDEOINV_CLIPS")
    return [None, *sorted(Path(folder).iterdir())] if folder else [None]


@pytest.mark.slow
@pytest.mark.parametrize("clip", clips(), ids=lambda clip: clip.stem if clip else "webcam-smile")
def test_a_real_clip_smiles_and_everything_else_stays(clip, tmp_path):
    clip = clip or fetch("clip-webcam-smile")
    output, report = tmp_path / "out.mp4", tmp_path / "out.json"
    edit = ["edit", str(clip), "-o", str(output), "--edit", "smile=2", "--report", str(report)]
    assert main(edit) == 0

    assert timestamps(output) == timestamps(clip)
    assert packet_digests(output) == packet_digests(clip)
    assert outside_psnr(clip, output) >= 40
    measures = json.loads(report.read_text())["measures"]
    assert measures["attributes"]["smile"]["moved"] >= 0.95
    assert measures["identity"]["mean"] >= 0.6
    assert measures["inversion_lpips"] <= 0.12


def outside_psnr(source, result):
    """PSNR in dB over the pixels outside the face's crop, all frames together."""
    detector, mesh = FaceDetector(), FaceMesh()
    squared, pixels = 0.0, 0
    for before, after in zip(VideoReader(source), VideoReader(result), strict=True):
        outside = np.ones(before.image.shape[:2], bool)
        for face in detector.detect(before.image):
            points = mesh.fit(before.image, face)
            if points is not None:
                quad = quad_from_mesh(points)
                (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
                outside[max(0, int(top)) : int(bottom) + 2, max(0, int(left)) : int(right) + 2] = 0
        error = (before.image.astype(float) - after.image)[outside]
        squared, pixels = squared + np.square(error).sum(), pixels + error.size
    return 10 * np.log10(255**2 * pixels / squared)
