"""Heart rate and ventricular beats per minute: the numbers of the room `rhythm`."""

import math
from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE, TACHYCARDIA_RR
from stream.engine.rhythm.state import (
    CANNOT_ANALYZE,
    RATE_RR,
    SECONDS,
    VFIB,
    VTACH,
    mean_recent,
    recent,
)

SLOW_RR: Final = 1.2
"""Seconds: three intervals in a row longer than this, and the rate follows the last 4 (ALARMS.md,
the rule of bedside monitors for rates below 50 /min)."""

SLOW_COUNT: Final = 4
"""Intervals of the heart rate when it is slow."""

MIN_RR: Final = 3
"""Fewer intervals than this are no heart rate: one artefact would be a third of it."""

ERRATIC: Final = 0.1
"""Mean deviation of the intervals over their mean above which noise leaves no rate: false beats make
it fast and uneven, lost ones slow and uneven; tachycardias that look like noise are even (DS1, svdb)."""

UNEVEN: Final = 0.25
UNLIKE: Final = 0.8
IN_NOISE: Final = 0.65
FAST: Final = 130.0
"""Beats that seem to come faster than FAST are no rate when their intervals are UNEVEN and each is UNLIKE
the one before (mean correlation), or both is so in noise by its own measures: T waves or movement are
counted with them. In em noise at 12 and 6 dB, which `quality` does not call noise, unevenness is 0.34 to
0.41 and likeness 0.71 to 0.75, at 0 dB likeness is 0.46 to 0.60; fast rhythms of DS1, svdb and cinc2015
are more even or more alike. Bigeminy, as uneven and unlike, is hardly so fast."""

FEW: Final = 8
"""Intervals below which they must agree to be a rate, and not a fast one: the first ones after noise or at
a start may hold beats that the detector lost, or found, while it learned."""

REGULAR: Final = 0.08
REGULAR_COUNT: Final = 8
"""So small a deviation of the last intervals only a heart has, even one whose rate has just changed:
in noise its beats are reliable, and give a rate."""

SURE: Final = 0.8
"""Probability of being a beat below which a strange one does not count in a fast rate: of those 31 are false and 14
true in DS1, 102 and 11 in five of its records in em noise at 12 dB. To leave out a true one would make a slow
rate slower."""

LONGEST_RR: Final = 4.0
"""Seconds: a longer interval is an asystole, not a rate (its threshold in ALARMS.md)."""


@nb.njit(cache=True)
def push_rr(s: Any, rr: float, strange: bool, quality: float) -> None:
    """Take the interval that ended at this beat; one that held an asystole starts anew.

    In a fast rhythm a doubtful beat that is `strange` (wide, unlike the patient's, not named V) does not count.
    """
    rr += s.skipped
    s.skipped = 0.0
    if rr >= LONGEST_RR:
        s.rr_count = 0
    elif strange and quality < SURE and mean_recent(s.rr, s.rr_count, RATE_RR) < TACHYCARDIA_RR:
        s.skipped = rr
    else:
        s.rr[s.rr_count % RATE_RR] = rr
        s.rr_count += 1


@nb.njit(cache=True)
def heart_rate(s: Any) -> float:
    """Beats per minute at the horizon, NaN when it is not known; never a value that is held."""
    if s.valid == 0 or s.known == 0 or s.rr_count < MIN_RR:
        return math.nan
    if s.active[VFIB] == 1 or s.active[CANNOT_ANALYZE] == 1:
        return math.nan
    waited = float(s.horizon - s.last) / RATE
    if waited >= LONGEST_RR or _doubtful(s):
        return math.nan
    return float(60.0 / _mean_rr(s, waited))


@nb.njit(cache=True)
def _doubtful(s: Any) -> bool:
    """Outside a known VT: do the intervals scatter as those of found noise do?"""
    if s.active[VTACH] == 1:
        return False
    scatter = _scatter(s, RATE_RR)
    fast = mean_recent(s.rr, s.rr_count, RATE_RR) < 60.0 / FAST
    if s.rr_count < FEW and (fast or scatter > ERRATIC):
        return True
    if s.noisy == 0:
        return bool(fast and scatter > UNEVEN and s.likeness < UNLIKE)
    return bool((scatter > ERRATIC and not regular(s)) or (fast and s.likeness < IN_NOISE))


@nb.njit(cache=True)
def forget_rate(s: Any) -> None:
    """Noise is over: its intervals are no rate of the heart, unless they are too even for noise."""
    if s.active[VTACH] == 0 and not regular(s):
        s.rr_count = 0
        s.skipped = 0.0


@nb.njit(cache=True)
def regular(s: Any) -> bool:
    """Are the last intervals as even as no noise makes them?"""
    return bool(s.rr_count >= REGULAR_COUNT and _scatter(s, REGULAR_COUNT) <= REGULAR)


@nb.njit(cache=True)
def _scatter(s: Any, wanted: int) -> float:
    """Mean deviation of the last `wanted` intervals over their mean."""
    count = min(s.rr_count, wanted)
    mean = mean_recent(s.rr, s.rr_count, wanted)
    total = 0.0
    for back in range(count):
        total += abs(recent(s.rr, s.rr_count, back) - mean)
    return float(total / (mean * count))


@nb.njit(cache=True)
def _mean_rr(s: Any, waited: float) -> float:
    """Mean of the last 12 intervals, of the last 4 when three in a row are slow.

    The interval that is still open counts as soon as it is surely slow, so that a sudden
    bradycardia is seen 0.3 s before its beat and a rate falls while one waits for a beat.
    """
    if waited > SLOW_RR and _slow(s, 2):
        closed = mean_recent(s.rr, s.rr_count, SLOW_COUNT - 1)
        opened = (closed * (SLOW_COUNT - 1) + waited) / SLOW_COUNT
        if not _slow(s, 3) or waited > closed:
            return float(opened)
    if _slow(s, 3):
        return float(mean_recent(s.rr, s.rr_count, SLOW_COUNT))
    return float(mean_recent(s.rr, s.rr_count, RATE_RR))


@nb.njit(cache=True)
def _slow(s: Any, intervals: int) -> bool:
    if s.rr_count < intervals:
        return False
    shortest = recent(s.rr, s.rr_count, 0)
    for back in range(1, intervals):
        shortest = min(shortest, recent(s.rr, s.rr_count, back))
    return bool(shortest > SLOW_RR)


@nb.njit(cache=True)
def count_v(s: Any, at: float) -> None:
    """Count one V beat in its second; the bucket is younger than a minute by `advance`'s order."""
    s.v_count[np.int64(at) // RATE % SECONDS] += 1


@nb.njit(cache=True)
def turn_seconds(s: Any, horizon: int) -> None:
    """Empty the buckets of the seconds that have begun since the last call."""
    now = horizon // RATE
    if now - s.second >= SECONDS:
        s.second = now - SECONDS
    while s.second < now:
        s.second += 1
        s.v_count[s.second % SECONDS] = 0


@nb.njit(cache=True)
def v_per_minute(s: Any) -> float:
    """V beats in the last 60 s."""
    total = 0
    for second in range(SECONDS):
        total += s.v_count[second]
    return float(total)
