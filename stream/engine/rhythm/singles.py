"""Rules over single intervals: missed beat and R on T."""

from typing import Any, Final

import numba as nb

from ecg.types import RATE, TACHYCARDIA_RR
from stream.engine.rhythm.rate import LONGEST_RR
from stream.engine.rhythm.state import (
    LABEL_V,
    MISSED_BEAT,
    R_ON_T,
    happened,
    mean_recent,
)

AVERAGE_RR: Final = 8
"""Intervals of the average that single intervals are compared with, as bedside monitors do."""

MISSED_RATIO: Final = 1.75
MISSED_FAST: Final = 1.0
"""Seconds: a missed beat above 100 /min (ALARMS.md)."""

NORMALS_BEFORE: Final = 3
SHORT_AGAIN: Final = 1.25
"""Times the average: an interval below this is short again after a missed beat; a pause after an
early beat is at least this long (ALARMS.md)."""

EARLY_RATIO: Final = 1.0 / 3.0
"""Of the average: a coupling below it is R on T (ALARMS.md)."""


@nb.njit(cache=True)
def single_intervals(s: Any, out: Any, label: int, at: float, rr: float) -> None:
    """Missed beat and R on T: the interval before decides on a candidate, this one confirms it."""
    if s.gap_rr > 0.0 and rr < SHORT_AGAIN * s.gap_rr:
        happened(s, out, MISSED_BEAT, s.gap_from, (s.last - s.gap_from) / RATE)
    if s.early_rr > 0.0 and rr >= SHORT_AGAIN * s.early_rr:
        happened(s, out, R_ON_T, s.early_at, rr)
    s.gap_rr = 0.0
    s.early_rr = 0.0
    mean = mean_recent(s.nn, s.nn_count, AVERAGE_RR)
    if mean == 0.0 or rr <= 0.0:
        return
    if s.normals >= NORMALS_BEFORE and label != LABEL_V and s.irregular == 0 and _long(rr, mean):
        s.gap_rr = mean
        s.gap_from = s.last
    if label == LABEL_V and mean > TACHYCARDIA_RR and rr < EARLY_RATIO * mean:
        s.early_rr = mean
        s.early_at = at


@nb.njit(cache=True)
def _long(rr: float, mean: float) -> bool:
    """Too long for one interval, and no asystole: that would be more than a missed beat."""
    missed = MISSED_FAST if mean < TACHYCARDIA_RR else MISSED_RATIO * mean
    return missed < rr < LONGEST_RR
