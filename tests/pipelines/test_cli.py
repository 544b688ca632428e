"""How a command line is read."""

import pytest

from pipelines.cli import parse


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
