"""How a command line is read, and how a command ends."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pipelines import commands
from pipelines.cli import main
from pipelines.commands import parse


def test_paths_of_an_evaluation_may_come_after_its_options():
    args = parse(["evaluate", "study", "-o", "folder", "a.mp4", "b.mp4", "--frames", "9"])
    assert args.what == ["study", "a.mp4", "b.mp4"]
    assert args.frames == 9


@pytest.mark.parametrize(
    "words", [["edit", "a.mp4", "-o", "b.mp4", "--smile", "2"], ["evaluate", "a.mp4", "--frame"]]
)
def test_an_unknown_option_is_named(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(words)
    assert words[-1] in capsys.readouterr().err or "--smile" in words


def test_a_wrong_dtype_is_told_which_there_are(capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(["edit", "a.mp4", "-o", "b.mp4", "--dtype", "float8"])
    said = capsys.readouterr().err
    assert all(name in said for name in ("auto", "float32", "bfloat16", "float16"))


@pytest.fixture
def heard():
    """Ctrl-C is heard, also where a shell started the tests in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_ends_a_command_with_one_line(number, code, word, monkeypatch, capsys, heard):
    cleaned = []

    def work(arguments):
        try:
            os.kill(os.getpid(), number)
            time.sleep(9)
        finally:
            cleaned.append(True)

    monkeypatch.setattr(commands, "run", work)
    before = signal.getsignal(signal.SIGTERM)
    assert main([]) == code
    assert cleaned and capsys.readouterr().err == f"videoinv: {word}\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_in_a_thread_runs_as_it_is(monkeypatch):
    monkeypatch.setattr(commands, "run", len)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["a", "b"])))
    thread.start()
    thread.join()
    assert codes == [2]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_while_modules_are_imported_is_one_line():
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = "from pipelines.cli import main; print('ready', flush=True); raise SystemExit(main([]))"
    child = subprocess.Popen(
        [sys.executable, "-c", hear + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.3)  # torch takes longer
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=30)[1] == "videoinv: interrupted\n"
    assert child.returncode == 130
