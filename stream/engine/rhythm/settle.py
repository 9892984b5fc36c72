"""What a beat is called that the classifier doubts: V, when it goes on with a run of V.

The classifier judges each beat against the patient's usual rhythm, and in a run the run becomes
usual. So a fast beat after a V is called V, too, when that has some probability and the beat looks so.
Decided when the beat comes, so it is told under this name.
"""

from typing import Any, Final

import numba as nb

from ecg.types import RATE, TACHYCARDIA_RR
from stream.engine.rhythm.state import LABEL_Q, LABEL_V

DOUBTED: Final = 0.25
LIKE_DOUBTED: Final = 0.7
USUAL: Final = 0.95
"""A beat to which the classifier gives at least DOUBTED of V, like the one before it (correlation of the
QRS) and not quite the patient's usual shape. Chosen on DS1 and svdb, where 56 beats are called V so after
the first five minutes: 23 are, 19 are waves of flutter, 7 are S (4 of one patient's tachycardia), 4 N, 3 none."""

PAIR: Final = 2
"""V in a row after which a third that is strange need not be like them."""

SETTLED: Final = 0.6
"""Confidence of a beat that its looks and place in a run make V."""


@nb.njit(cache=True)
def settle(s: Any, sample: float, label: int, place: int) -> int:
    """The name of the newest beat, which waits at `place` and which the classifier calls `label`."""
    rr = (sample - s.newest) / RATE
    s.newest = sample
    if label not in {LABEL_Q, LABEL_V} and 0.0 < rr <= TACHYCARDIA_RR and _goes_on(s, place):
        label = LABEL_V
    s.named = s.named + 1 if label == LABEL_V else 0
    return label


@nb.njit(cache=True)
def unsettle(s: Any) -> None:
    """A gap: no run goes across it."""
    s.named = 0


@nb.njit(cache=True)
def _goes_on(s: Any, place: int) -> bool:
    """Does the beat at `place` go on with the V before it?"""
    if s.named == 0 or s.ventricular < DOUBTED:
        return False
    like = s.wait_alike[place] >= LIKE_DOUBTED and s.wait_usual[place] < USUAL
    return bool(like or (s.named == PAIR and s.wait_strange[place] == 1))
