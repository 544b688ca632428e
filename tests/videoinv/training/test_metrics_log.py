"""The curve of a run: nothing that was logged is lost, and it has no loops."""

import sys
from types import SimpleNamespace

import pytest

from videoinv.errors import OutputError
from videoinv.training import metrics_log
from videoinv.training.metrics_log import MetricsLog, read_metrics


def logged(folder):
    log = MetricsLog(folder)
    for step in range(1, 5):
        log.write(step, step / 2, {"loss": 1 / step, "rate": 0.1})
    return log


def test_a_run_that_goes_on_drops_what_came_after_its_checkpoint(tmp_path):
    path = logged(tmp_path).path
    MetricsLog(tmp_path, 3).write(4, 2.0, {"loss": 0.5})
    assert [row[0] for row in read_metrics(path)] == ["1", "1", "2", "2", "3", "3", "4"]


def test_a_run_that_cannot_go_on_leaves_the_curve_whole(limited_disk, tmp_path):
    path = logged(tmp_path).path
    before = path.read_bytes()
    with limited_disk(40), pytest.raises(OutputError, match="the metrics cannot be written"):
        MetricsLog(tmp_path, 4)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_of(limited_disk, tmp_path):
    log = logged(tmp_path)
    with (
        limited_disk(log.path.stat().st_size),
        pytest.raises(OutputError, match=r"the metrics cannot be written .* free some space"),
    ):
        log.write(5, 2.5, {"loss": 0.2})


def test_tensorboard_begins_where_the_run_does_and_is_closed(monkeypatch, tmp_path):
    """With a stand-in for TensorBoard, which is not among the packages that tests need."""
    made = []

    class Writer:
        def __init__(self, folder, purge_step):
            self.purge_step, self.closed = purge_step, False
            made.append(self)

        def close(self):
            self.closed = True

    module = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(metrics_log, "find_spec", lambda name: name)
    for step in (0, 3):
        MetricsLog(tmp_path, step).close()
    assert [writer.purge_step for writer in made] == [None, 4]
    assert all(writer.closed for writer in made)
