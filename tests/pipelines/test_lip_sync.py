"""Lips under an edit move as the source's do: a real generator's mouth and the real mesh."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

import videoinv
from pipelines.cast import parse_casting
from pipelines.lip_sync import LipSync
from pipelines.media.frame import Frame
from pipelines.rendering import render
from pipelines.steps import Inverted, Placed, Step
from videoinv.editing.directions import Direction, Directions
from videoinv.editing.edit import parse_edit
from videoinv.faces.align import to_images
from videoinv.faces.mesh import FaceMesh
from videoinv.faces.types import Alignment, Face
from videoinv.latents import Latent

SIZE = 256
SPEECH = (0.0, 0.9, 1.6, 0.8, -0.4, -0.8, 0.1, 1.2, 1.7, 0.6, -0.5, -0.7)
"""How much of ``mouth_open`` the speaker shows in each frame."""


@pytest.fixture(scope="module")
def model():
    return videoinv.load("default", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def spoken(model, mesh):
    """Somebody who speaks, and an inversion that sees nothing of it: the hardest case."""
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(3))
    codes = model.generator.map(z, 0.6).float()
    opening = model.directions["mouth_open"].rows(codes.shape[1])
    alignment = Alignment.from_parameters(np.full(2, SIZE / 2 - 0.5), SIZE, 0.0, SIZE)
    steps = []
    for index, strength in enumerate(SPEECH):
        with torch.no_grad():
            picture = model.generator.synthesize(Latent(codes + strength * opening), SIZE)
        image = to_images(picture)[0]
        face = Face(np.zeros(4), np.zeros((5, 2)), 1.0, mesh.fit_aligned([image])[0])
        person = Inverted(Placed(face, alignment), image, Latent(codes))
        steps.append(Step(Frame(image, index, Fraction(1, 25), index), {0: person}))
    return steps


def rendered(model, steps, lips, edit="smile=2"):
    made = render(steps, model.generator, _faces(model, edit), 1, lips)
    return torch.stack([step.people[0].edited for step in made])


def test_lips_move_as_the_sources(model, mesh, spoken):
    lips = LipSync(model.directions["mouth_open"], mesh)
    source = lips.openings(torch.stack([_picture(step) for step in spoken]))
    free = lips.openings(rendered(model, spoken, None))
    led = lips.openings(rendered(model, spoken, lips))
    assert np.std(free) < 1e-6
    assert np.corrcoef(source, led)[0, 1] > 0.8
    assert 0.4 < np.polyfit(source, led, 1)[0] < 1.3


def test_an_edit_of_the_mouth_itself_is_left_alone(model, mesh, spoken):
    lips = LipSync(model.directions["mouth_open"], mesh)
    edit = "mouth_open=1"
    both = [parse_edit(text, model.directions) for text in ("smile=1", edit)]
    assert lips.leads(both[:1]) and not lips.leads(both)
    led = rendered(model, spoken[:2], lips, edit)
    assert torch.equal(led, rendered(model, spoken[:2], None, edit))


def test_a_model_without_such_a_direction_goes_without(model):
    narrow = Direction("mouth_open", torch.ones(1, 32))
    for known in (model.directions["smile"], narrow):
        assert LipSync.of(replace(model, directions=Directions({known.name: known}))) is None
    assert LipSync.of(model) is not None


def test_a_face_without_a_mesh_is_edited_as_it_is(model, mesh, spoken):
    person = spoken[1].people[0]
    unseen = Placed(person.placed.face.with_mesh(None), person.placed.alignment)
    step = Step(spoken[1].frame, {0: Inverted(unseen, person.crop, person.latent)})
    lips = LipSync(model.directions["mouth_open"], mesh)
    led, free = rendered(model, [step], lips), rendered(model, [step], None)
    assert torch.allclose(led, free, atol=1e-5)


def test_a_later_run_knows_nothing_of_an_earlier_one(model, mesh, spoken):
    lips = LipSync(model.directions["mouth_open"], mesh)
    later = [Step(step.frame, {1: step.people[0]}) for step in spoken[:3]]
    alone = rendered(model, spoken[:3], LipSync(model.directions["mouth_open"], mesh))
    list(render(spoken[4:6], model.generator, _faces(model), 1, lips))
    made = list(render(later, model.generator, _faces(model), 1, lips))
    again = torch.stack([step.people[1].edited for step in made])
    assert torch.equal(again, alone)


def _faces(model, edit="smile=2"):
    return parse_casting(None, [edit], model.directions)


def _picture(step):
    return torch.from_numpy(step.people[0].crop.copy()).permute(2, 0, 1) / 127.5 - 1
