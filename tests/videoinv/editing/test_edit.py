"""Edits: what the command line may say, and what it does to codes over time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videoinv.editing.directions import Direction, Directions
from videoinv.editing.edit import Edit, Keyframe, apply_edits, parse_edit
from videoinv.errors import BadInputError

DIRECTIONS = Directions(
    {
        "smile": Direction("smile", torch.full((1, 512), 2.0)),
        "layered": Direction("layered", torch.arange(23.0)[:, None].expand(23, 512)),
    }
)


def test_a_constant_strength_moves_every_row():
    edit = parse_edit("smile=1.5", DIRECTIONS)
    moved = apply_edits(torch.zeros(2, 23, 512), [edit], [0.0, 9.0])
    assert torch.equal(moved, torch.full((2, 23, 512), 3.0))


def test_rows_limit_where_an_edit_acts():
    edit = parse_edit("smile=1:rows=3-5", DIRECTIONS)
    assert str(edit) == "smile=1:rows=3-5"
    moved = apply_edits(torch.zeros(1, 23, 512), [edit], [0])
    assert moved[0, :, 0].nonzero().flatten().tolist() == [3, 4, 5]


def test_layered_directions_keep_their_rows():
    moved = apply_edits(torch.zeros(1, 23, 512), [parse_edit("layered=2", DIRECTIONS)], [0])
    assert torch.equal(moved[0, :, 0], 2 * torch.arange(23.0))


def test_keyframes_are_joined_by_straight_lines_and_held_outside():
    edit = parse_edit("smile=0@1s,2@2s,-1@4s", DIRECTIONS)
    strengths = [edit.strength(time) for time in (0, 1, 1.5, 2, 3, 4, 100)]
    assert strengths == pytest.approx([0, 0, 1, 2, 0.5, -1, -1])
    assert str(edit) == "smile=0@1s,2@2s,-1@4s"


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(-5, 5)),
        min_size=1,
        max_size=6,
        unique_by=lambda p: p[0],
    ),
    st.floats(-10, 110),
)
def test_strength_stays_between_its_neighbours(points, time):
    keyframes = tuple(Keyframe(t, s) for t, s in sorted(points))
    strength = Edit(DIRECTIONS["smile"], keyframes).strength(time)
    assert min(k.strength for k in keyframes) - 1e-9 <= strength
    assert strength <= max(k.strength for k in keyframes) + 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "smile", "smile=", "=2", "smile=big", "smile=1@", "smile=1@2s,2@1s", "smile=1:rows=9-3",
        "smile=1:columns=2", "smiel=1", "smile=nan", "smile=inf", "smile=1@nans", "smile=1@infs",
        "smile=0@0s,-inf@2s", "smile=0@-1s,2@1s", "smile=1e6", "smile=-101", "smile=0@0s,101@1s",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_text(text):
    with pytest.raises(BadInputError) as caught:
        parse_edit(text, DIRECTIONS)
    assert text.split("=")[0] in str(caught.value)


def test_a_misspelt_name_is_offered_the_right_one():
    with pytest.raises(BadInputError, match="did you mean 'smile'"):
        parse_edit("smlie=1", DIRECTIONS)


def test_rows_beyond_the_generator_are_refused():
    with pytest.raises(BadInputError, match="0-22"):
        apply_edits(torch.zeros(1, 23, 512), [parse_edit("smile=1:rows=20-23", DIRECTIONS)], [0])
