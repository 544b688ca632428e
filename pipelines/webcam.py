"""``videoinv webcam``: a live preview of an edit."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import get_args

from pipelines.cast import FaceEdits, parse_casting
from pipelines.compose import MaskSettings, Region, parse_region
from pipelines.live.camera import Camera
from pipelines.live.editor import LiveEditor, LiveSettings
from pipelines.live.window import KEYS, Window, Wish, marked
from pipelines.media.frame import Frame
from pipelines.model_options import add_model_options, chosen_model
from videoinv.editing.edit import STRONGEST, Edit
from videoinv.errors import BadInputError

DEFAULTS = LiveSettings()
STRIDE = 0.5
"""By which a key changes the strength."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``webcam`` to the command line."""
    parser = commands.add_parser(
        "webcam",
        help="a live preview of an edit",
        description="Show a camera's picture with edited faces. Every frame is finished before the "
        "newest one is taken, so the picture is late by one frame's work; frames for which there "
        f"is no time are left out. {KEYS[0].upper()}{KEYS[1:]}.",
        epilog="example: videoinv webcam --edit smile=2",
    )
    parser.add_argument(
        "--camera",
        default="0",
        metavar="N",
        help="number of the camera, a stream's address, or a video that is played as if it were "
        "one (default: %(default)s)",
    )
    parser.add_argument(
        "--edit", action="append", default=[], metavar="[WHO:]NAME=STRENGTH", help="as for edit"
    )
    parser.add_argument("--face", metavar="WHO", help="as for edit")
    group = add_model_options(parser)
    group.set_defaults(steps=DEFAULTS.steps)
    group.add_argument(
        "--size",
        type=int,
        default=DEFAULTS.size,
        metavar="PX",
        help="side of the rendered face (default: %(default)s)",
    )
    parser.add_argument(
        "--region",
        metavar="NAME[,NAME]",
        help=f"limit the edits to parts of the face: {', '.join(get_args(Region))}",
    )
    parser.add_argument(
        "--no-mark",
        dest="mark",
        action="store_false",
        help="do not write into the picture that it was edited",
    )
    parser.add_argument("--frames", type=int, metavar="N", help="end after so many")
    parser.add_argument(
        "--no-window", dest="window", action="store_false", help="show nothing, only measure"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show frames until a key, the camera or ``--frames`` ends it; then say how fast it was."""
    if args.frames is not None and args.frames < 1:
        raise BadInputError(f"--frames is {args.frames}; allowed are 1 and more")
    regions = () if args.region is None else parse_region(args.region)
    settings = LiveSettings(args.size, args.steps, MaskSettings(regions=regions))
    window: AbstractContextManager[Window | None] = Window() if args.window else nullcontext()
    camera = Camera(args.camera)
    with window as screen:
        model = chosen_model(args)
        faces = parse_casting(args.face, args.edit, model.directions)
        editor = LiveEditor(model, faces, settings)
        viewer = Viewer(editor, screen, mark=args.mark)
        began = time.monotonic()
        with camera:
            viewer.watch(islice(camera, args.frames))
        seconds = time.monotonic() - began
    if viewer.late:
        print(
            f"{len(viewer.late)} frames in {seconds:.0f} s, {len(viewer.late) / seconds:.1f} a "
            f"second, each late by {median(viewer.late):.2f} s; {viewer.edited} edited; "
            f"{camera.dropped} left out",
            file=sys.stderr,
        )
    return 0


class Viewer:
    """Shows edited frames and does what the viewer wishes.

    Args:
        editor: of the frames.
        window: where they are shown; ``None``: nowhere.
        mark: whether the picture says that it was edited.
    """

    def __init__(self, editor: LiveEditor, window: Window | None, *, mark: bool = True) -> None:
        self._editor, self._window, self._mark = editor, window, mark
        self._faces, self._more, self._is_on = list(editor.faces), 0.0, True
        self._taken = 0.0
        self.late: list[float] = []
        """Seconds from taking a frame to showing it, for each."""
        self.edited = 0
        """Frames with an edited face."""

    def watch(self, frames: Iterable[Frame]) -> None:
        """Show every frame, to their end or to the viewer's wish for it."""
        for finished in self._editor.edit(self._clocked(frames)):
            is_edited = self._is_on and bool(finished.step.people)
            self.edited += is_edited
            image = finished.frame.image
            wish = None
            if self._window is not None:
                wish = self._window.show(marked(image) if is_edited and self._mark else image)
            self.late.append(time.monotonic() - self._taken)
            if wish == "end":
                return
            if wish is not None:
                self.grant(wish)

    def _clocked(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self._taken = time.monotonic()
            yield frame

    def grant(self, wish: Wish) -> None:
        """Change all edits, from the next frame on."""
        if wish == "switch":
            self._is_on = not self._is_on
        else:
            self._more += STRIDE if wish == "stronger" else -STRIDE
        self._editor.faces[:] = [
            FaceEdits(_stronger(some.edits, self._more) if self._is_on else (), some.face)
            for some in self._faces
        ]


def _stronger(edits: Sequence[Edit], more: float) -> tuple[Edit, ...]:
    """The edits with as much added to every strength."""
    return tuple(
        replace(
            edit,
            keyframes=tuple(
                replace(k, strength=min(max(k.strength + more, -STRONGEST), STRONGEST))
                for k in edit.keyframes
            ),
        )
        for edit in edits
    )
