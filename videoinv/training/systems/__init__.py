"""What each system shows of itself while it is trained: its inversions of a batch, step by step.

    protocol        Inversion, and what the loop asks of a system
    shared          parts that stand still, images of codes
    restyle         steps, each seeing the image of the one before it
    feature_style   codes and features, edits, later looks
    e2style         stages, one after the other
    hyperinverter   phase I, then phase II
    build           a recipe's system, new or around an encoder

The loop sees no more of a system than ``System`` says.
"""

from videoinv.training.systems.build import build_system, system_around
from videoinv.training.systems.protocol import Inversion, Role, System, Teacher

__all__ = ["Inversion", "Role", "System", "Teacher", "build_system", "system_around"]
