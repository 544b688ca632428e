"""A few frames of a real person, and the networks, loaded once."""

from __future__ import annotations

from itertools import islice

import pytest

from pipelines.evaluation.inversion import beginning
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.result import ResultScorer
from pipelines.evaluation.source import SourceViews
from pipelines.media import VideoReader
from videoinv.checkpoints.fetch import fetch

FRAMES = 20


@pytest.fixture(scope="session")
def networks():
    return Networks.load()


@pytest.fixture(scope="session")
def frames():
    """The first frames of a clip."""
    return list(islice(VideoReader(fetch("clip-webcam-smile")), FRAMES))


@pytest.fixture(scope="session")
def viewed(networks, frames):
    """The frames, each with what is measured on it as a source."""
    return look_at(networks, [(float(frame.time), frame.image) for frame in frames])


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory):
    """Three frames with sound, as a file."""
    return beginning(fetch("clip-webcam-smile"), 3, tmp_path_factory.mktemp("clips"))


def look_at(networks, images):
    views = SourceViews(networks)
    return [(time, image, views.push(image)) for time, image in images]


@pytest.fixture(scope="session")
def score(networks):
    """Score pictures made from (index, frame, view) against the frames."""

    def run(viewed, picture):
        scorer = ResultScorer(networks)
        for index, (time, image, view) in enumerate(viewed):
            scorer.push(time, view, picture(index, image, view))
        return scorer.finish(), scorer.frames

    return run


@pytest.fixture(scope="session")
def look(networks):
    return lambda images: look_at(networks, images)
