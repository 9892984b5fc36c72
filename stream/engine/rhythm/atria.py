"""Rules over many intervals: atrial fibrillation, irregular heart rate.

Irregularity is judged on intervals whose two beats are not ectopic (V, F, S), so that ectopy is not
taken for fibrillation of the atria, and by the conditional entropy of the
intervals (Lake and Moorman, Am J Physiol 300:H319, 2011): it asks whether two alike intervals are
followed by alike ones. In a pattern such as atrial bigeminy they are, in fibrillation they are not.

Fibrillation of the atria is judged by that disorder and the evidence of P waves together, for neither
is sure: ectopy that was not recognised is disorder, too, and noise, T waves or flutter may look like P.
Where beats of the atria come early again and again, they do not fibrillate.
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
    NN,
    VFIB,
    recent,
    set_off,
    set_on,
)

TOLERANCE: Final = 0.06
"""Of the mean interval: two intervals closer than this are alike."""

ENTROPY: Final = 1.2
CALM: Final = 0.9
"""Conditional entropy (nats) at which the rhythm is irregular, and regular again. In mitdb's DS1
and 32 intervals 98 % of the windows inside AF lie above 1.3, 99 % of those outside below 1.0."""

DISORDER: Final = 2.6
P_WAVES: Final = -4.7
BIAS: Final = -1.5
"""Log odds of atrial fibrillation: weight of the entropy, of the evidence of P waves (0 to 1), and for
neither. A logistic regression on the last 32 intervals of each strip of cinc2017 (410 of AF, 902 normal,
459 of other rhythms); BIAS is 0.8 lower than fitted, as wards have less AF than that set."""

FEW_S: Final = 0.07
"""Share of S beats below which an irregular rhythm may be fibrillation: the classifier learned to call
no beat S in it, and early beats of the atria that it misses are as disorderly. With it the odds are above 0,
and the entropy above CALM, in 63 % of the strips of AF, 0.4 % of the normal, 2.8 % of the others (some
of which are AF), and in 0.5 % of the windows of svdb and DS1 that are known not to be AF; in 1.1 % without."""

DOUBT: Final = -1.0
ORDER: Final = 0.7
"""Log odds, or entropy, below which it is no fibrillation any more."""

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

P_SECONDS: Final = 20.0
"""Time constant of the smoothing."""


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
    s.s_share += ((1.0 if label == LABEL_S else 0.0) - s.s_share) / NN
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
        s.irregular, s.irregular_since = 1, s.horizon
    elif s.irregular == 1 and entropy < CALM:
        s.irregular, s.regular_since = 0, s.horizon
    waves = max(s.p_evidence - 1.0, 0.0)
    odds = BIAS + DISORDER * entropy + P_WAVES * waves
    if s.atria == 0 and odds >= 0.0 and entropy >= CALM and s.s_share < FEW_S:
        s.atria, s.atria_since = 1, s.horizon
    elif s.atria == 1 and (odds < DOUBT or entropy < ORDER):
        s.atria, s.atria_until = 0, s.horizon


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
    """A minute of fibrillation is AFIB, and of another irregular rhythm IRREGULAR_HR."""
    if s.horizon - s.nn_at >= STALE:
        calm_down(s)
    if s.atria == 0 and s.horizon - s.atria_until >= CALM_AF:
        set_off(s, out, AFIB, 0.0)
    if s.irregular == 0 and s.horizon - s.regular_since >= CALM_FOR:
        set_off(s, out, IRREGULAR_HR, 0.0)
    if s.atria == 1 and s.horizon - s.atria_since >= LONG:
        set_off(s, out, IRREGULAR_HR, 0.0)
        set_on(s, out, AFIB, _onset(s.atria_since), 0.0)
    long = s.irregular == 1 and s.horizon - s.irregular_since >= LONG
    if long and s.active[AFIB] == 0:
        set_on(s, out, IRREGULAR_HR, _onset(s.irregular_since), 0.0)


@nb.njit(cache=True)
def calm_down(s: Any) -> None:
    """What is known is too old to call the rhythm irregular from here on."""
    if s.irregular == 1:
        s.irregular, s.regular_since = 0, s.horizon
    if s.atria == 1:
        s.atria, s.atria_until = 0, s.horizon


@nb.njit(cache=True)
def _onset(judged: int) -> float:
    """When the rhythm began that was judged so first at this sample."""
    return np.float64(max(judged - TURN, 0))
