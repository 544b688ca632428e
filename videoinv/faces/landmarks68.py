"""The 68 landmarks (iBUG order) on which the FFHQ alignment was defined: two optional predictors.

The mesh needs neither package and is the default; these are for crops that must match those of
published results, and for measuring the mesh against them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol
from urllib.error import URLError

import numpy as np
import torch

from videoinv.checkpoints.fetch import fetch
from videoinv.errors import BadInputError, FetchError, MissingExtraError
from videoinv.faces.types import Face, Image, Points

_FAN_WEIGHTS = "2DFAN4-11f355bf06.pth.tar"
# dlib's predictor expects the square that dlib's own detector draws. Against YuNet's box that
# is lower by this part of its height, with a side of this part of √(width · height): the means
# over 42 frames of video, where both squares gave quads within 0.3 % of each other in place.
_DLIB_LOWER, _DLIB_SIDE = 0.064, 0.96
# face-alignment divides the box's size by 195, which is for its own detector's boxes; for YuNet's
# it uses 165. It places its crop above the box's centre by 0.12 of the height.
_FAN_LARGER, _FAN_LIFT = 195 / 165, 0.12


class Landmarks68(Protocol):
    """Fits 68 points to a detected face."""

    def fit(self, image: Image, face: Face) -> Points:
        """The points [68, 2] of a face in an RGB frame uint8 [H, W, 3], in frame pixels."""
        ...


class DlibLandmarks:
    """dlib's regression trees (Kazemi and Sullivan, "One Millisecond Face Alignment", 2014).

    Args:
        model: path of the predictor; fetched by the catalog when None (100 MB; its training
            data, 300-W, is for non-commercial use).

    Raises:
        MissingExtraError: if dlib is not installed.
        FetchError: if the model cannot be fetched.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._dlib = _import("dlib", package="dlib-bin", extra="dlib")
        self._predictor = self._dlib.shape_predictor(str(model or fetch("landmarks-68")))

    def fit(self, image: Image, face: Face) -> Points:
        """The points [68, 2] of a face in an RGB frame uint8 [H, W, 3], in frame pixels."""
        left, top, right, bottom = face.box
        width, height = right - left, bottom - top
        center = np.array([left + right, top + bottom]) / 2 + [0, _DLIB_LOWER * height]
        half = _DLIB_SIDE * np.sqrt(width * height) / 2
        corners = np.round([*(center - half), *(center + half)]).astype(int)
        shape = self._predictor(image, self._dlib.rectangle(*corners.tolist()))
        return np.array([[part.x, part.y] for part in shape.parts()], dtype=np.float64)


class FanLandmarks:
    """The network of face-alignment, FAN.

    Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D Face Alignment problem?"

    Args:
        device: where the network runs.

    Raises:
        MissingExtraError: if face-alignment is not installed.
        FetchError: if its weights are not there and cannot be downloaded.
    """

    def __init__(self, device: str = "cpu") -> None:
        package = _import("face_alignment", package="face-alignment", extra="fan")
        try:
            # The "folder" detector stands for none: the boxes are ours, so S3FD is not needed.
            self._network = package.FaceAlignment(
                package.LandmarksType.TWO_D,
                device=device,
                face_detector="folder",
                flip_input=False,
                compile=False,
            )
        except (URLError, OSError) as error:
            place = Path(torch.hub.get_dir()) / "checkpoints" / _FAN_WEIGHTS
            raise FetchError(
                f"face-alignment could not download its weights from its author's site ({error}): "
                f"get {_FAN_WEIGHTS} elsewhere and put it at {place}"
            ) from error

    def fit(self, image: Image, face: Face) -> Points:
        """The points [68, 2] of a face in an RGB frame uint8 [H, W, 3], in frame pixels."""
        left, top, right, bottom = face.box
        lower = _FAN_LIFT * (_FAN_LARGER - 1) * (bottom - top)
        center = np.array([left + right, top + bottom]) / 2 + [0, lower]
        half = _FAN_LARGER * np.array([right - left, bottom - top]) / 2
        box = [*(center - half), *(center + half)]
        points = self._network.get_landmarks_from_image(image, detected_faces=[box])
        return np.asarray(points[0], dtype=np.float64)


LANDMARKS_68: dict[str, Callable[[], Landmarks68]] = {"dlib": DlibLandmarks, "fan": FanLandmarks}
"""The predictors by the name that a command line takes."""


def load_landmarks68(name: str) -> Landmarks68:
    """The predictor called ``name``, ready to run.

    Raises:
        BadInputError: if there is no such predictor.
        MissingExtraError: if its package is not installed.
        FetchError: if its weights cannot be fetched.
    """
    if name not in LANDMARKS_68:
        raise BadInputError(f"no landmarks '{name}'; choose one of {', '.join(LANDMARKS_68)}")
    return LANDMARKS_68[name]()


def _import(module: str, *, package: str, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, extra, "fitting 68 landmarks") from error
