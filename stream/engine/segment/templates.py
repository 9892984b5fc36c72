"""The template bank of `segment`: the patient's own beat shapes, learned without labels.

A bank holds up to `SHAPES` mean beats. A beat joins the shape that its QRS resembles most (Pearson
correlation of at least `JOIN`, best of a few lags, so that a fiducial a few samples off does no harm)
or takes the place of the lightest shape. Weights decay, so memory is finite; the heaviest shape is
the *dominant* one, with some hysteresis. Each shape remembers how early its members came and how
long the pause after them was: that tells an ectopic focus from a second normal shape without any
label. `late` is the mean of those dominant beats that came no earlier than the patient's mean RR:
sinus beats even where premature beats are the majority, so its P wave is the sinus P wave.

Shapes are kept as int16 microvolts (1 uV steps, +-32 mV) to keep a row's state small.
Kernels of one row: `s` is a record of `segment.STATE`.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from ecg import shape
from ecg.window import LENGTH, QRS, P

SHAPES = 6
"""Most shapes a bank holds; more than six brought nothing in the feasibility study."""
JOIN = 0.85
"""Least QRS correlation with which a beat joins a shape (the feasibility study's value)."""
TIE = 0.03
"""Correlations closer than this are the same: QRS of one origin differ more by noise alone."""
LAG = 3
"""Largest shift (in 8 ms steps) tried when two beats are compared."""
WAVE_SHIFT = 6
"""Largest shift (in 8 ms steps) in which a P wave is looked for."""
MANY = 32000
"""Counts of members and pauses stop here (int16)."""
DECAY = 1 / 64
"""Share of its weight that every shape loses with every beat: a memory of about 64 beats."""
LEARN = 1 / 16
"""Least share of the new beat in a shape's running mean."""
HYSTERESIS = 1.2
"""How much heavier a shape must be than the dominant one to take its place."""


@njit(cache=True)
def correlation(a: np.ndarray, b: np.ndarray, start: int, stop: int, lag: int) -> float:
    """Pearson correlation of a[start + lag : stop + lag] with b[start:stop]; 0 where one is flat."""
    n = stop - start
    sa = sb = saa = sbb = sab = 0.0
    for k in range(start, stop):
        x = float(a[k + lag])
        y = float(b[k])
        sa += x
        sb += y
        saa += x * x
        sbb += y * y
        sab += x * y
    va = saa - sa * sa / n
    vb = sbb - sb * sb / n
    if va < 1.0 or vb < 1.0:
        return 0.0
    return (sab - sa * sb / n) / math.sqrt(va * vb)


@njit(cache=True)
def match(a: np.ndarray, b: np.ndarray) -> tuple[float, int]:
    """Best QRS correlation of beat `a` with shape `b` over the lags, and that lag."""
    best, at = -2.0, 0
    for lag in range(-LAG, LAG + 1):
        c = correlation(a, b, QRS[0], QRS[1], lag)
        if c > best:
            best, at = c, lag
    return best, at


@njit(cache=True)
def wave_correlation(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    """Correlation of the P regions of `a` (shifted by `lag`) and `b`, straight lines removed."""
    n = P[1] - P[0]
    middle = 0.5 * (n - 1)
    stt = n * (n * n - 1) / 12.0
    sa = sb = saa = sbb = sab = sat = sbt = 0.0
    for i in range(n):
        x = float(a[P[0] + i + lag])
        y = float(b[P[0] + i])
        t = i - middle
        sa += x
        sb += y
        saa += x * x
        sbb += y * y
        sab += x * y
        sat += x * t
        sbt += y * t
    va = saa - sa * sa / n - sat * sat / stt
    vb = sbb - sb * sb / n - sbt * sbt / stt
    if va < 1.0 or vb < 1.0:
        return 0.0
    return (sab - sa * sb / n - sat * sbt / stt) / math.sqrt(va * vb)


@njit(cache=True)
def wave_search(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Where in `a` the P wave of `b` is: best correlation, its shift (8 ms steps); size in place.

    The size is the regression of `a` on `b`: 1 for the same wave, 0 for none, below 0 if inverted.
    """
    best, at = -2.0, 0
    for lag in range(-WAVE_SHIFT, WAVE_SHIFT + 1):
        c = wave_correlation(a, b, lag)
        if c > best:
            best, at = c, lag
    n = P[1] - P[0]
    middle = 0.5 * (n - 1)
    stt = n * (n * n - 1) / 12.0
    sa = sb = sbb = sab = sat = sbt = 0.0
    for i in range(n):
        x, y, t = float(a[P[0] + i]), float(b[P[0] + i]), i - middle
        sa += x
        sb += y
        sbb += y * y
        sab += x * y
        sat += x * t
        sbt += y * t
    va = sbb - sb * sb / n - sbt * sbt / stt
    gain = (sab - sa * sb / n - sat * sbt / stt) / va if va > 1.0 else 0.0
    return best, float(at), min(max(gain, -3.0), 3.0)


@njit(cache=True)
def blend(shape: np.ndarray, beat: np.ndarray, lag: int, share: float) -> None:
    """Move `shape` by `share` of the way to `beat` shifted by `lag`."""
    for k in range(LENGTH):
        j = min(max(k + lag, 0), LENGTH - 1)
        value = shape[k] + share * (beat[j] - shape[k])
        shape[k] = np.int16(min(max(np.rint(value), -32767.0), 32767.0))


@njit(cache=True)
def nearest(s: Any, beat: np.ndarray) -> tuple[int, float, int, float]:
    """Shape of the beat: (index or -1, correlation, lag, correlation of the next best shape).

    Of shapes within `TIE` of the best correlation the heaviest wins, or two shapes that drifted
    together would share one beat type between them.
    """
    corr = np.full(SHAPES, -1.0)
    lags = np.zeros(SHAPES, np.int64)
    best = -1.0
    for k in range(SHAPES):
        if s.weight[k] > 0.0:
            corr[k], lags[k] = match(beat, s.shape[k])
            best = max(best, corr[k])
    index = -1
    for k in range(SHAPES):
        tied = s.weight[k] > 0.0 and corr[k] >= best - TIE
        if tied and (index < 0 or s.weight[k] > s.weight[index]):
            index = k
    second = -1.0
    for k in range(SHAPES):
        if k != index:
            second = max(second, corr[k])
    if index < 0:
        return -1, -1.0, 0, -1.0
    return index, corr[index], lags[index], second


@njit(cache=True)
def unlikeness(s: Any, window: np.ndarray, own: int, lag: int) -> float:
    """How far a beat is from its shape `own` (-1: none), `lag` earlier, or the beat before, the nearer one.

    RMS difference from P to T wave, over the height of the dominant shape's QRS.
    """
    beat, dominant = window[:LENGTH], window[LENGTH : 2 * LENGTH]
    stop = LENGTH - shape.EDGE
    least = shape.departure(beat, window[3 * LENGTH :], P[0], stop, 0)
    if own >= 0:
        least = min(least, shape.departure(beat, s.shape[own], P[0], stop, lag))
    return float(least / shape.height(dominant))


@njit(cache=True)
def join(s: Any, beat: np.ndarray, index: int, corr: float, lag: int, early: float) -> int:
    """Let `beat` join shape `index` (or a fresh one); return the shape it belongs to now.

    `early` is RR over the mean RR, 1 where unknown. The dominant shape may change here.
    """
    if index < 0 or corr < JOIN:
        index = fresh(s)
        lag = 0
    s.members[index] = min(s.members[index] + 1, MANY)
    share = max(LEARN, 1.0 / s.members[index])
    blend(s.shape[index], beat, lag, share)
    s.early[index] += share * (early - s.early[index])
    for k in range(SHAPES):
        s.weight[k] *= 1.0 - DECAY
    s.weight[index] += DECAY
    if s.weight[index] > HYSTERESIS * s.weight[s.dominant]:
        if index != s.dominant:
            s.lates = 0
        s.dominant = index
    return index


@njit(cache=True)
def fresh(s: Any) -> int:
    """Empty the lightest shape that is not dominant and return its index."""
    index = -1
    for k in range(SHAPES):
        if k == s.dominant and s.weight[k] > 0.0:
            continue
        if index < 0 or s.weight[k] < s.weight[index]:
            index = k
    s.weight[index] = 0.0
    s.members[index] = 0
    s.early[index] = 1.0
    s.pause[index] = 1.0
    s.pauses[index] = 0
    return index


@njit(cache=True)
def remember_pause(s: Any, index: int, pause: float) -> None:
    """Note the RR (over the mean RR) that followed the last member of shape `index`."""
    s.pauses[index] = min(s.pauses[index] + 1, MANY)
    s.pause[index] += max(LEARN, 1.0 / s.pauses[index]) * (pause - s.pause[index])


@njit(cache=True)
def learn_late(s: Any, beat: np.ndarray, lag: int) -> None:
    """Let a dominant beat that did not come early join the late shape."""
    s.lates = min(s.lates + 1, 1 << 20)
    blend(s.late, beat, lag, max(LEARN, 1.0 / s.lates))
