"""Peak memory does not depend on the length of the clip."""

import pytest

from pipelines.bench.memory import peak_of_edit
from videoinv.checkpoints.fetch import fetch


@pytest.mark.slow
def test_a_clip_six_times_as_long_takes_no_more_memory():
    short, long = (peak_of_edit(fetch("clip-webcam-smile"), minutes) for minutes in (0.2, 1.2))
    assert long.frames > 5 * short.frames
    assert long.megabytes - short.megabytes < 60
