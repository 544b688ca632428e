"""From latents to pictures, without and with the edit, and back into the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from pipelines.cast import FaceEdits
from pipelines.compose import Compositor
from pipelines.lip_sync import MEASURED, LipSync
from pipelines.steady_offsets import join
from pipelines.steps import Finished, Inverted, Rendered, Step, by_run, chunked, with_people
from videoinv.editing.delta import YIELD, edit_features
from videoinv.editing.edit import Edit, apply_edits
from videoinv.generators.protocol import Generator
from videoinv.latents import Latent


def render(
    steps: Iterable[Step[Inverted]],
    generator: Generator,
    faces: Sequence[FaceEdits],
    chunk: int,
    lips: LipSync | None = None,
) -> Iterator[Step[Rendered]]:
    """Render each latent as it is and edited, ``chunk`` frames together.

    Edits' times count from the first frame: the clocks of some films begin hours after zero.

    Args:
        steps: people with their latents.
        generator: of the latents.
        faces: the edits of each role.
        chunk: frames that are rendered together.
        lips: makes edited lips move as the source's, if given.
    """
    begin: Fraction | None = None
    for some_steps in chunked(steps, chunk):
        begin = some_steps[0].frame.time if begin is None else begin
        rendered: list[dict[int, Rendered]] = [{} for _ in some_steps]
        for run, people in by_run(some_steps).items():
            for (roles, _), some in _alike(people).items():
                edits = [edit for role in roles for edit in faces[role].edits]
                shots = _Shots(
                    run,
                    [person for _, person in some],
                    [float(some_steps[at].frame.time - begin) for at, _ in some],
                )
                pictures = _pictures(generator, shots, edits, lips)
                for (at, person), before, after in zip(some, *pictures, strict=True):
                    rendered[at][run] = Rendered(person, before, after)
        if lips is not None:
            lips.forget_but(list(some_steps[-1].people))
        yield from with_people(some_steps, rendered)


@dataclass(frozen=True, eq=False)
class _Shots:
    """One run in some frames of a chunk."""

    run: int
    people: Sequence[Inverted]
    times: Sequence[float]
    """In seconds from the film's first frame."""

    @property
    def size(self) -> int:
        return self.people[0].placed.alignment.size


# Around the arithmetic only: a generator's decorator would also reach the stages before it.
@torch.no_grad()
def _pictures(
    generator: Generator, shots: _Shots, edits: Sequence[Edit], lips: LipSync | None
) -> tuple[Tensor, Tensor]:
    """[B, 3, S, S] in [−1, 1] each: the inversion and the edited picture."""
    latent = join([person.latent for person in shots.people])
    inversion = generator.synthesize(latent, shots.size)
    if not edits:
        return inversion, inversion
    codes = apply_edits(latent.codes, edits, shots.times)
    if lips is None or not lips.leads(edits):
        return inversion, _edited(generator, latent, codes, shots.size)
    return inversion, _with_lips(generator, shots, latent, codes, lips)


def _edited(generator: Generator, latent: Latent, codes: Tensor, size: int) -> Tensor:
    return generator.synthesize(edit_features(generator, latent, codes, YIELD), size)


def _with_lips(
    generator: Generator, shots: _Shots, latent: Latent, codes: Tensor, lips: LipSync
) -> Tensor:
    """The edited picture, its lips set right after a look at a small one."""
    glance = _edited(generator, latent, codes, min(shots.size, MEASURED))
    before = lips.openings(glance)
    meshes = [person.placed.face.mesh for person in shots.people]
    strengths = lips.strengths(shots.run, meshes, before, shots.times)
    edited = _edited(generator, latent, lips.moved(codes, strengths), shots.size)
    lips.learn(shots.run, strengths, before, lips.openings(edited))
    return edited


def _alike(
    people: Sequence[tuple[int, Inverted]],
) -> dict[tuple[tuple[int, ...], int], list[tuple[int, Inverted]]]:
    """One run's people of a chunk by what is done to them and at which size.

    A role may begin inside a run, and somebody may come nearer.
    """
    groups: dict[tuple[tuple[int, ...], int], list[tuple[int, Inverted]]] = {}
    for at, person in people:
        kind = person.placed.roles, person.placed.alignment.size
        groups.setdefault(kind, []).append((at, person))
    return groups


def finish(steps: Iterable[Step[Rendered]], compositor: Compositor) -> Iterator[Finished]:
    """Put everybody back into their frames."""
    for step in steps:
        image = compositor.compose(step.frame.image, step.people)
        yield Finished(step, replace(step.frame, image=image))
