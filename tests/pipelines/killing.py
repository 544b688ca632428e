"""Kill one edit at random moments, resume it, and compare: run by ``test_resume.py``.

python tests/pipelines/killing.py CLIP MODEL KILLS SEED prints one JSON object per kill. The model
is loaded once; every run is a fork of this process, which has computed nothing itself by then.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import cv2
import torch
from inspection import packet_digests, timestamps

from pipelines.cache.analysis import Keep
from pipelines.cast import FaceEdits
from pipelines.edit import ClipEditor, EditSettings
from videoinv import load
from videoinv.editing.directions import Direction
from videoinv.editing.edit import Edit, Keyframe


def start(editor, faces, clip, folder):
    """Begin an edit in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    try:
        report = editor.edit(clip, folder / "out.mp4", faces, keep=Keep(folder / "analysis"))
        content = json.dumps({"analysis": report.analysis, "remarks": list(report.remarks)})
        (folder / "report.json").write_text(content)
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)


def finish(child):
    """Whether a process ended well, when it has ended."""
    return os.waitpid(child, 0)[1] == 0


def content(folder):
    """All that makes the output: packets of picture and sound, and times."""
    path = folder / "out.mp4"
    return packet_digests(path, "video"), packet_digests(path), timestamps(path)


def kill_and_resume(editor, faces, clip, folder, moment):
    """What the second run found; ``None`` if the first one was done before the moment."""
    child = start(editor, faces, clip, folder)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if (folder / "out.mp4").exists():
        return None
    if not finish(start(editor, faces, clip, folder)):
        raise SystemExit(f"the run that was killed after {moment:.2f} s could not be resumed")
    return json.loads((folder / "report.json").read_text())


def main(clip, name, kills, seed):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = load(name, device="cpu", dtype="float32")
    shift = Direction("shift", torch.full((1, model.generator.mean_codes.shape[1]), 0.5))
    faces = [FaceEdits([Edit(shift, (Keyframe(0, 3.0),))])]
    editor = ClipEditor(model, EditSettings(steps=1, preset="ultrafast"))
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        begin = time.perf_counter()
        assert finish(start(editor, faces, clip, whole))
        seconds = time.perf_counter() - begin
        expected = content(whole)
        done = 0
        while done < kills:
            folder = Path(scratch) / "killed"
            folder.mkdir()
            moment = chance.uniform(0, seconds)
            found = kill_and_resume(editor, faces, clip, folder, moment)
            if found is not None:
                done += 1
                equal = content(folder) == expected
                print(json.dumps({"moment": moment / seconds, "equal": equal, **found}), flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
