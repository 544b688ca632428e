"""From latents to pictures, without and with the edit, and back into the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pipelines.cast import FaceEdits
from pipelines.compose import Compositor
from pipelines.steady_offsets import join
from pipelines.steps import Finished, Inverted, Rendered, Step, by_run, chunked, with_people
from videoinv.editing.delta import YIELD, edit_features
from videoinv.editing.edit import Edit, apply_edits
from videoinv.generators.protocol import Generator


def render(
    steps: Iterable[Step[Inverted]], generator: Generator, faces: Sequence[FaceEdits], chunk: int
) -> Iterator[Step[Rendered]]:
    """Render each latent as it is and edited, ``chunk`` frames together."""
    for some_steps in chunked(steps, chunk):
        rendered: list[dict[int, Rendered]] = [{} for _ in some_steps]
        for run, people in by_run(some_steps).items():
            for roles, some in _by_roles(people).items():
                edits = [edit for role in roles for edit in faces[role].edits]
                times = [float(some_steps[at].frame.time) for at, _ in some]
                pictures = _pictures(generator, [person for _, person in some], edits, times)
                for (at, person), before, after in zip(some, *pictures, strict=True):
                    rendered[at][run] = Rendered(person, before, after)
        yield from with_people(some_steps, rendered)


# Around the arithmetic only: a generator's decorator would also reach the stages before it.
@torch.no_grad()
def _pictures(
    generator: Generator, people: Sequence[Inverted], edits: Sequence[Edit], times: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """[B, 3, S, S] in [−1, 1] each: the inversion and the edited picture."""
    size = people[0].placed.alignment.size
    latent = join([person.latent for person in people])
    inversion = generator.synthesize(latent, size)
    if not edits:
        return inversion, inversion
    edited_codes = apply_edits(latent.codes, edits, times)
    edited = edit_features(generator, latent, edited_codes, YIELD)
    return inversion, generator.synthesize(edited, size)


def _by_roles(
    people: Sequence[tuple[int, Inverted]],
) -> dict[tuple[int, ...], list[tuple[int, Inverted]]]:
    """One run's people of a chunk by what is done to them: a role may begin inside a run."""
    groups: dict[tuple[int, ...], list[tuple[int, Inverted]]] = {}
    for at, person in people:
        groups.setdefault(person.placed.roles, []).append((at, person))
    return groups


def finish(steps: Iterable[Step[Rendered]], compositor: Compositor) -> Iterator[Finished]:
    """Put everybody back into their frames."""
    for step in steps:
        image = compositor.compose(step.frame.image, step.people)
        yield Finished(step, replace(step.frame, image=image))
