"""How far lips must part beyond what an edit does, so that they move as the source's do.

A smile holds a mouth open: under smile = 2 the lips of a speaker in one of our clips moved a third
as far as they should, and at other times. An edit may say how open a mouth is, but not how it
moves. So what is usual for the edit is left alone, and what departs from it is taken back, towards
the source's lips and never beyond them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SETTLE = 0.5
"""Seconds in which the usual excess follows a new one: longer than a syllable, shorter than a
smile that comes up."""
NOISE = 0.025
"""Departure of which half is believed; the mesh's own tremble is a third of it. Less is left as it
is: in clips whose mouths stay still, correcting it made lips tremble."""
LIMIT = 1.5
"""Largest strength. Beyond it mouths are drawn that nobody makes."""
GAIN = 0.1
"""Opening per strength that is expected before anything is seen."""
_GAINS = (0.04, 0.4)
_NO_ANSWER = 0.02
"""Gain below which the direction does not open this mouth: another generator's, say."""
_TRUST = 0.5
"""Squared strengths that the expected gain is worth against seen ones."""
_MEMORY = 0.95
"""What a seen gain counts one frame later."""


@dataclass
class LipMotion:
    """The lips of one person, frame after frame."""

    _usual: float | None = None
    _time: float = 0.0
    _asked: float = 0.0
    _answered: float = 0.0

    @property
    def gain(self) -> float:
        """Opening per strength, as seen lately."""
        return min(max(self._seen, _GAINS[0]), _GAINS[1])

    @property
    def _seen(self) -> float:
        return (self._answered + _TRUST * GAIN) / (self._asked + _TRUST)

    def strength(self, source: float, edited: float, time: float) -> float:
        """How much of the direction that opens a mouth a frame needs.

        Args:
            source: opening of the lips (``mouth_open``); NaN where no mesh was found.
            edited: the same under the edit.
            time: of the frame, in seconds.
        """
        excess = edited - source
        if math.isnan(excess):
            return 0.0
        if self._usual is None:
            self._usual = excess
        else:
            follows = 1 - math.exp(-max(time - self._time, 0.0) / SETTLE)
            self._usual += follows * (excess - self._usual)
        self._time = time
        if self._seen < _NO_ANSWER:
            return 0.0
        lacking = _believed(self._usual - excess)
        # No further than the source's lips: a mouth that smiles by itself is not torn open.
        lacking = min(max(lacking, min(-excess, 0.0)), max(-excess, 0.0))
        return min(max(lacking / self.gain, -LIMIT), LIMIT)

    def learn(self, strength: float, before: float, after: float) -> None:
        """Take in what a strength did: the opening without and with it, NaN if not seen."""
        if strength == 0 or math.isnan(after - before):
            return
        self._asked = _MEMORY * self._asked + strength**2
        self._answered = _MEMORY * self._answered + strength * (after - before)


def _believed(departure: float) -> float:
    return departure**3 / (departure**2 + NOISE**2)
