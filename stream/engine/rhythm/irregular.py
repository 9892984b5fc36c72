"""Rules over intervals: missed beat, R on T, atrial fibrillation, irregular heart rate.

Irregularity is judged on intervals whose two beats are not ectopic (V, F, S), so that ectopy is not
taken for fibrillation of the atria, and by the conditional entropy of the
intervals (Lake and Moorman, Am J Physiol 300:H319, 2011): it asks whether two alike intervals are
followed by alike ones. In a pattern such as atrial bigeminy they are, in fibrillation they are not.
"""

import math
from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE
from stream.engine.rhythm.state import (
    AFIB,
    IRREGULAR_HR,
    LABEL_F,
    LABEL_N,
    LABEL_S,
    LABEL_V,
    MISSED_BEAT,
    NN,
    R_ON_T,
    VFIB,
    happened,
    mean_recent,
    recent,
    set_off,
    set_on,
)

AVERAGE_RR: Final = 8
"""Intervals of the average that single intervals are compared with, as bedside monitors do."""

MISSED_RATIO: Final = 1.75
MISSED_FAST: Final = 1.0
"""Seconds: a missed beat above 100 /min (ALARMS.md)."""

NORMALS_BEFORE: Final = 3
FAST_RR: Final = 0.6
"""Seconds: the average interval at 100 /min."""

SHORT_AGAIN: Final = 1.25
"""Times the average: an interval below this is short again after a missed beat; a pause after an
early beat is at least this long (ALARMS.md)."""

EARLY_RATIO: Final = 1.0 / 3.0

TOLERANCE: Final = 0.06
"""Of the mean interval: two intervals closer than this are alike."""

ENTROPY: Final = 1.2
CALM: Final = 0.9
"""Conditional entropy (nats) at which the rhythm is irregular, and regular again. In mitdb's DS1
and 32 intervals 98 % of the windows inside AF lie above 1.3, 99 % of those outside below 1.0."""

JUDGED: Final = 24
"""Intervals that a judgement of irregularity needs."""

MIN_SHARE: Final = 0.4
"""Share of intervals without a V or F below which ectopy, not the atria, makes the rhythm: chosen
on DS1 and svdb, where it takes away false AFIB in 106, 841, 854, 866 and none of the true."""

STALE: Final = 30 * RATE
"""Samples without a usable interval after which a rhythm no longer counts as irregular."""

LONG: Final = 50 * RATE
"""Samples of irregular rhythm that set AFIB or IRREGULAR_HR. Together with the intervals that the
judgement itself needs (about 10 s of irregular rhythm turn it) this is the 60 s of ALARMS.md."""

TURN: Final = 10 * RATE
"""How long a rhythm has been irregular when the judgement turns: the onset is that much earlier."""

CALM_FOR: Final = 60 * RATE
"""Samples of regular rhythm that clear IRREGULAR_HR (ALARMS.md)."""

CALM_AF: Final = 20 * RATE
"""Samples of regular rhythm that end AFIB."""

P_PRESENT: Final = 0.3
"""Smoothed evidence of P waves above which an irregular rhythm is not fibrillation: in DS1
fibrillation has below 0.1, ectopy taken for it 0.2 to 0.5 (DS1, svdb)."""

P_SECONDS: Final = 20.0
"""Time constant of the smoothing."""


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
    if label == LABEL_V and mean > FAST_RR and rr < EARLY_RATIO * mean:
        s.early_rr = mean
        s.early_at = at


@nb.njit(cache=True)
def _long(rr: float, mean: float) -> bool:
    if mean < FAST_RR:
        return rr > MISSED_FAST
    return rr > MISSED_RATIO * mean


@nb.njit(cache=True)
def push_nn(s: Any, label: int, confidence: float, rr: float) -> None:
    """Keep an interval between two beats that are not ectopic, and judge the rhythm anew.

    A beat of confidence 0 (noise, or the model failed) may not even be one.
    """
    s.normals = s.normals + 1 if label == LABEL_N else 0
    if s.noisy == 1 or s.active[VFIB] == 1:
        return
    if rr <= 0.0 or confidence == 0.0 or s.last_confidence == 0.0:
        return
    spoiled = _ventricular(label) or _ventricular(s.last_label)
    s.nn_share += ((0.0 if spoiled else 1.0) - s.nn_share) / NN
    if spoiled or LABEL_S in {label, s.last_label}:
        return
    s.nn[s.nn_count % NN] = rr
    s.nn_count += 1
    s.nn_at = s.horizon
    if s.nn_count >= JUDGED:
        _judge(s)


@nb.njit(cache=True)
def _ventricular(label: int) -> bool:
    return label in {LABEL_V, LABEL_F}


@nb.njit(cache=True)
def _judge(s: Any) -> None:
    entropy = conditional_entropy(s.nn, s.nn_count) if s.nn_share >= MIN_SHARE else 0.0
    if s.irregular == 0 and entropy >= ENTROPY:
        s.irregular = 1
        s.irregular_since = s.horizon
    elif s.irregular == 1 and entropy < CALM:
        s.irregular = 0
        s.regular_since = s.horizon


@nb.njit(cache=True)
def conditional_entropy(ring: Any, count: int) -> float:
    """−ln P(next intervals alike | intervals alike) over all pairs in the ring, in nats."""
    n = min(count, len(ring))
    rr = np.empty(n, np.float64)  # oldest first: reading the ring in the inner loop costs tenfold
    for i in range(n):
        rr[i] = recent(ring, count, n - 1 - i)
    near = TOLERANCE * rr.mean()
    alike = 1.0
    both = 1.0
    for i in range(n - 1):
        for j in range(i + 1, n - 1):
            if abs(rr[i] - rr[j]) <= near:
                alike += 1.0
                if abs(rr[i + 1] - rr[j + 1]) <= near:
                    both += 1.0
    return math.log(alike / both)


@nb.njit(cache=True)
def smooth_p(s: Any, evidence: float, samples: int) -> None:
    """Follow the evidence of P waves; below 0 means that nothing is known in this hop."""
    if evidence < 0.0:
        return
    if s.p_evidence == 0.0:
        s.p_evidence = 1.0 + evidence
    s.p_evidence += (1.0 + evidence - s.p_evidence) * samples / (P_SECONDS * RATE)


@nb.njit(cache=True)
def irregular_time(s: Any, out: Any) -> None:
    """A minute of irregular rhythm is AFIB, or IRREGULAR_HR when P waves are there."""
    if s.irregular == 1 and s.horizon - s.nn_at >= STALE:
        s.irregular = 0
        s.regular_since = s.horizon
    if s.irregular == 1:
        if s.horizon - s.irregular_since >= LONG:
            _irregular(s, out)
        return
    calm = s.horizon - s.regular_since
    if calm >= CALM_AF:
        set_off(s, out, AFIB, 0.0)
    if calm >= CALM_FOR:
        set_off(s, out, IRREGULAR_HR, 0.0)


@nb.njit(cache=True)
def _irregular(s: Any, out: Any) -> None:
    onset = np.float64(max(s.irregular_since - TURN, 0))
    if s.active[AFIB] == 1 or s.p_evidence <= 1.0 + P_PRESENT:
        set_off(s, out, IRREGULAR_HR, 0.0)
        set_on(s, out, AFIB, onset, 0.0)
    else:
        set_on(s, out, IRREGULAR_HR, onset, 0.0)
