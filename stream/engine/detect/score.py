"""Is this candidate a beat? 27 numbers about it, and a small fixed network that weighs them.

The numbers (logarithms of microvolts unless said otherwise; S: level of the last beats, N: of the
last rejected candidates, per band of 5, 8, 14, 22, 38 Hz):

    0–4    the candidate's peak over S, per band
    5, 6   N over S: over all bands, at 5 Hz
    7–9    time since the last beat over the median RR; in seconds; the last RR over the median
    10, 11 mean 14 Hz envelope of the last second over S; over the candidate
    12–15  geometric mean of the envelopes (their floor) over S at 5, 14, 38 Hz; over the candidate
    16, 17 strongest later candidate within 0.23 s over this one; its lag
    18, 19 strongest rejected candidate since the last beat, if within 0.32 s, over this; its lag
    20     correlation of the shape (±40 ms) with the running mean of the beats' shapes
    21, 22 the last beat over the candidate at 14 and 5 Hz (a T wave follows something larger)
    23, 24 slope of the candidate's spectrum: 14 over 5 Hz, 22 over 14 Hz
    25     mean 14 Hz envelope of the last 0.13 s over the candidate: how peaked it is
    26     margin of a hand-made rule (`rule`), which generalises where the network has no data

A candidate that is followed within 0.23 s by a stronger one is never a beat: a P wave waits for
its QRS. The weights are made by `inference/training/qrs.py`.
"""

from math import log, sqrt
from typing import Any, Final

import numba as nb
import numpy as np

from stream.engine.detect.bands import BANDS, RATE
from stream.engine.detect.weights import HIDDEN, WEIGHTS

FEATURES: Final = 27
LOOK: Final = 29
"""Look-ahead in envelope samples, 0.23 s: at 0.20 s P waves before a late QRS become beats."""

KNOWN: Final = 1
"""Envelope samples after its peak at which a candidate is measured."""

REFRACTORY: Final = 25
"""Envelope samples between two beats, 0.2 s."""

NEVER: Final = -9.0
"""Logit of a candidate that no network need judge."""

_MEMORY: Final = 40
"""Envelope samples for which a rejected candidate is remembered."""

_STILL, _QUIET = -2.0, 1.5
"""Where the floor between the beats is below a seventh of them, the doubt goes to the beat."""

_IMAGE, _WITHIN = 2.0, 0.3
"""What equals the last beat within a third in every band is a beat, if in doubt: wide beats in a row
are weak beside the narrow ones before them."""

_MIX: Final = np.array((0.042, 0.147, 0.462, 0.302, 0.047))
"""Weights of the bands in a candidate's strength, tuned on DS1."""

_KNOTS: Final = (0.2, 0.5, 0.8, 1.0, 1.5, 2.5)
_LEVELS: Final = (-1.41, -1.08, -1.38, -1.34, -1.24, -2.41)
"""The rule's threshold over the time since the last beat in median RR, tuned on DS1."""


@nb.njit(cache=True)
def _clip(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))


@nb.njit(cache=True)
def strength(s: Any, c: int) -> float:
    """Peak of candidate `c` over the level of the last beats, all bands."""
    total = 0.0
    for b in range(BANDS):
        total += _MIX[b] * (s.peak[c, b] - s.level[b])
    return total


@nb.njit(cache=True)
def _noise(s: Any) -> float:
    """Level of the last rejected candidates over that of the last beats, all bands."""
    total = 0.0
    for b in range(BANDS):
        total += _MIX[b] * (s.floor[b] - s.level[b])
    return total


@nb.njit(cache=True)
def _curve(u: float) -> float:
    """The rule's threshold at `u` median RR after the last beat: linear between the knots."""
    if u <= _KNOTS[0]:
        return _LEVELS[0]
    for i in range(1, 6):
        if u < _KNOTS[i]:
            part = (u - _KNOTS[i - 1]) / (_KNOTS[i] - _KNOTS[i - 1])
            return _LEVELS[i - 1] + part * (_LEVELS[i] - _LEVELS[i - 1])
    return _LEVELS[5]


@nb.njit(cache=True)
def rule(s: Any, power: float, seconds: float) -> float:
    """Margin of the rule for a candidate of strength `power`, `seconds` after the last beat."""
    threshold = max(_curve(seconds / s.rr), 0.42238 * _noise(s))
    if seconds < 0.36:  # a T wave must be stronger than that
        threshold = max(threshold, -0.604)
    restless = log(s.about[0, 0] + 1.0) - s.level[2] + 2.25
    margin: float = 0.862 * power - threshold - 0.091 * max(0.0, restless)
    return margin


@nb.njit(cache=True)
def _likeness(s: Any) -> float:
    """Correlation of the oldest candidate's shape with that of the last beats."""
    dot, own, mean = 0.0, 1e-3, 1e-3
    for i in range(s.shape.shape[1]):
        v = float(s.shape[0, i])
        dot += s.template[i] * v
        own += v * v
        mean += s.template[i] * s.template[i]
    return dot / sqrt(own * mean)


@nb.njit(cache=True)
def _later(s: Any, power: float) -> None:
    """Features 16 and 17: the strongest candidate that follows."""
    best, lag = -3.0, 30
    for c in range(1, s.count):
        if s.place[c] + KNOWN <= s.m and s.place[c] - s.place[0] <= LOOK:
            over = strength(s, c) - power
            if over > best:
                best, lag = over, s.place[c] - s.place[0]
    s.f[16] = min(best, 3.0)
    s.f[17] = lag / 25.0


@nb.njit(cache=True)
def _earlier(s: Any, power: float) -> None:
    """Features 18 and 19: the strongest rejected candidate since the last beat."""
    lag = s.place[0] - s.rejected_place
    recent = lag < _MEMORY and s.rejected_place > s.last
    s.f[18] = _clip(s.rejected - power, -3.0, 3.0) if recent else -3.0
    s.f[19] = lag / 25.0 if recent else 1.6


@nb.njit(cache=True)
def _surroundings(s: Any) -> None:
    """Features 5, 6 and 10 to 15: how restless the signal is."""
    mean = log(s.about[0, 0] + 1.0)
    s.f[5] = _clip(_noise(s), -4.0, 3.0)
    s.f[6] = _clip(s.floor[0] - s.level[0], -4.0, 3.0)
    s.f[10] = _clip(mean - s.level[2], -4.0, 2.0)
    s.f[11] = _clip(mean - s.peak[0, 2], -4.0, 2.0)
    s.f[12] = _clip(s.about[0, 1] - s.level[0], -6.0, 2.0)
    s.f[13] = _clip(s.about[0, 2] - s.level[2], -6.0, 2.0)
    s.f[14] = _clip(s.about[0, 3] - s.level[4], -6.0, 2.0)
    s.f[15] = _clip(s.about[0, 2] - s.peak[0, 2], -6.0, 2.0)


@nb.njit(cache=True)
def features(s: Any) -> None:
    """Fill `s.f` with the 27 numbers about the oldest candidate."""
    f = s.f
    power = strength(s, 0)
    seconds = (s.place[0] - s.last) / RATE
    for b in range(BANDS):
        f[b] = _clip(s.peak[0, b] - s.level[b], -4.0, 3.0)
    _surroundings(s)
    f[7] = _clip(log(max(seconds, 0.05) / s.rr), -2.5, 1.2)
    f[8] = min(seconds, 1.5)
    f[9] = _clip(log(s.previous / s.rr), -1.0, 1.0)
    _later(s, power)
    _earlier(s, power)
    f[20] = _likeness(s)
    f[21] = _clip(s.latest[2] - s.peak[0, 2], -3.0, 4.0)
    f[22] = _clip(s.latest[0] - s.peak[0, 0], -3.0, 4.0)
    f[23] = _clip(s.peak[0, 2] - s.peak[0, 0], -3.0, 2.0)
    f[24] = _clip(s.peak[0, 3] - s.peak[0, 2], -3.0, 2.0)
    f[25] = s.about[0, 4]
    f[26] = _clip(rule(s, power, seconds), -2.5, 2.5)


@nb.njit(cache=True)
def network(f: Any, weights: Any, hidden: int) -> float:
    """One hidden layer of rectifiers: rows of (27 weights, bias), then output bias and weights."""
    out = weights[hidden * (FEATURES + 1)]
    for h in range(hidden):
        row = h * (FEATURES + 1)
        a = weights[row + FEATURES]
        for i in range(FEATURES):
            a += weights[row + i] * f[i]
        if a > 0.0:
            out += weights[hidden * (FEATURES + 1) + 1 + h] * a
    return float(out)


@nb.njit(cache=True)
def judge(s: Any, weights: Any, hidden: int) -> float:
    """Logit that the oldest candidate is a beat; NEVER in the refractory time or before more."""
    if s.place[0] - s.last < REFRACTORY:
        return NEVER
    features(s)
    if s.f[16] > 0.017:
        return NEVER
    logit: float = network(s.f, weights, hidden) + _QUIET * max(0.0, _STILL - s.f[13])
    return logit + _IMAGE if _is_image(s) else logit


@nb.njit(cache=True)
def _is_image(s: Any) -> bool:
    """Has the oldest candidate the size and the spectrum of the last beat?"""
    furthest = 0.0
    for b in range(BANDS):
        furthest = max(furthest, abs(s.peak[0, b] - s.latest[b]))
    return bool(furthest <= _WITHIN)


@nb.njit(cache=True)
def verdict(s: Any) -> float:
    """`judge` with the weights that are shipped."""
    logit: float = judge(s, WEIGHTS, HIDDEN)
    return logit
