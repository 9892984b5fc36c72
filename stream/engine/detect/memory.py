"""What the QRS detector remembers: six beats, seven rejected candidates, six RR, one shape."""

from math import exp, log
from typing import Any, Final

import numba as nb

from stream.engine.detect.bands import BANDS, RATE

FLOOR: Final = log(30.0)
"""No beat below 30 µV at 14 Hz: the smallest of mitdb's and svdb's leads have 60 to 150."""

START: Final = 250
"""Envelope samples of learning at the start, 2 s."""

AGAIN: Final = 375
"""Envelope samples without a strong beat until the level is learned anew, 3 s."""

_RETRY: Final = 188
"""Envelope samples until it is tried again, 1.5 s."""

_STRONG: Final = -1.15
"""A beat below a third of the level does not postpone learning anew."""

_LOYAL: Final = 5000
"""Envelope samples after the last beat, 40 s, for which only waves with half the beats' slope from
5 to 22 Hz may be learned: the P waves of a ventricular standstill have less. Then anything that
is steep in itself may, lest a spell of noise or a new lead blind the detector for good."""

_BEYOND_P: Final = log(200.0)
_OFTEN: Final = 0.8
"""Larger at 14 Hz than any P wave (one of 0.5 mV has 170 µV), and at its peak 2.2 times the mean: that is believed
by a detector that knows nothing yet. So a patient who comes in a tachycardia of dull beats is heard."""

_SLOWLY: Final = 1.0 / 16.0
"""Share of a new beat in the slope that is remembered: 8 s of noise bend it by half."""

_EVENING: Final = 0.2
"""Share of a new beat in the running shape."""


@nb.njit(cache=True)
def _ranked(values: Any, rank: int) -> float:
    """The value that `rank` others exceed (ties in order of place)."""
    for i in range(values.shape[0]):
        above = 0
        for k in range(values.shape[0]):
            if values[k] > values[i] or (values[k] == values[i] and k < i):
                above += 1
        if above == rank:
            return float(values[i])
    return 0.0


@nb.njit(cache=True)
def learn_beat(s: Any, power: float) -> None:
    """Level: third largest of the last six beats. RR: median of six, pauses left out."""
    s.last_beats[s.beats % 6] = s.peak[0]
    s.beats += 1
    for b in range(BANDS):
        s.level[b] = _ranked(s.last_beats[:, b], 2)
        s.latest[b] = s.peak[0, b]
    s.signal = exp(s.level[2])
    seconds = (s.place[0] - s.last) / RATE
    if seconds < 3.0:
        s.last_rr[s.intervals % 6] = s.previous = seconds
        s.intervals += 1
        s.rr = 0.5 * (_ranked(s.last_rr, 2) + _ranked(s.last_rr, 3))
    for i in range(s.template.shape[0]):
        s.template[i] += _EVENING * (s.shape[0, i] - s.template[i])
    s.last = s.place[0]
    s.slope += _SLOWLY * (s.peak[0, 3] - s.peak[0, 0] - s.slope)
    if power > _STRONG:
        s.quiet = s.last + 75  # its own T wave is over by then
        s.until = s.last + AGAIN
        s.top[:] = 0.0


@nb.njit(cache=True)
def learn_rejected(s: Any, power: float) -> None:
    """Floor: median of the last seven rejected candidates."""
    s.last_rejected[s.rejections % 7] = s.peak[0]
    s.rejections += 1
    for b in range(BANDS):
        s.floor[b] = _ranked(s.last_rejected[:, b], 3)
    stale = s.rejected_place <= s.last or s.place[0] - s.rejected_place >= 40
    if stale or power > s.rejected:
        s.rejected = power
        s.rejected_place = s.place[0]


@nb.njit(cache=True)
def learn_anew(s: Any, c: int) -> None:
    """No strong beat for long: at `s.until` take the largest waves for beats, if they may be."""
    if s.place[c] > s.quiet:
        for b in range(BANDS):
            s.top[b] = max(s.top[b], s.peak[c, b])
    if s.m < s.until:
        return
    if _plausible(s, c):
        _believe(s)
    s.top[:] = 0.0
    s.until = s.m + _RETRY


@nb.njit(cache=True)
def _plausible(s: Any, c: int) -> bool:
    """Do the largest waves look like QRS complexes? Large, rare and steep enough.

    A third of the 5 Hz peak at 14 Hz is less than every lead of DS1 and svdb has, and more than
    P waves have; for 40 s after the last beat their slope must also be like the beats'. Who comes with a
    tachycardia of wide, dull beats is not asked for that: they are larger than any P wave.
    """
    top = s.top
    if s.learned == 0 and top[2] > _BEYOND_P:
        return bool(top[2] > log(s.about[c, 0] + 1.0) + _OFTEN)
    large = top[2] > FLOOR
    rare = top[2] > log(s.about[c, 0] + 1.0) + 1.03
    steep = top[2] > top[0] - 1.1
    if s.learned and s.m < s.last + _LOYAL:
        steep = steep and top[3] - top[0] > s.slope - 0.7
    return bool(large and rare and steep)


@nb.njit(cache=True)
def _believe(s: Any) -> None:
    """Beats have 0.7 of the largest waves, noise has a tenth."""
    for b in range(BANDS):
        s.level[b] = s.latest[b] = s.top[b] - 0.357
        s.floor[b] = s.level[b] - 1.95
    for i in range(6):
        s.last_beats[i] = s.level
    for i in range(7):
        s.last_rejected[i] = s.floor
    s.slope = s.top[3] - s.top[0]
    s.signal = exp(s.level[2])
    s.learned = 1
