"""Room `fibrillation`: is the waveform itself ventricular fibrillation or flutter?

No beat, label or rate enters, so a lost beat detector cannot hide an arrest (invariant 8).
Every 100 ms the last 4 s, at 50 Hz and evened out so that each second has the same say,
are measured:

- leak: what a narrow-band stop filter at the mean frequency leaves over. A sinusoid leaves
  nothing, beats leave most (Kuo and Dillman, Computers in Cardiology 1978);
- rest: the share of samples near the isoelectric line, within a fifth of the largest
  deflection of their own second. Beats rest between, fibrillation does not (the idea of the
  threshold crossing sample count, Arafat et al., Signal Image Video Process. 2011);
- peakedness of first and second differences (fourth moments): steep complexes between quiet
  stretches, and spikes on a tremor, are peaked; fibrillation is as steep everywhere;
- mean period, outside 0.15 to 0.25 s held against it; amplitude, below 100 uV held against;
- the autocorrelation's surplus beyond 0.4 s over that before: a heart that beats slower than
  150 a minute, however wide its waves. Where it is plain, it decides alone.

A logistic rule weighs them to log odds, and log odds above a margin are summed over time,
as in a sequential test: a clear flutter decides in about 4 s, a doubtful waveform must last.

The verdict `vf` includes its duration: it rises after 4 to 5 s of fibrillatory waveform and
falls after about 4 s of another one. Who raises the alarm adds nothing. Weights: fitted on
mitdb DS1 (207's flutter), cudb cu01, half of svdb, cinc2017 and nstdb, a third of cinc2015
without its fibrillation alarms, with noise, amplitude and time scale varied, and on
tachycardias from 70 to 230 a minute put together from DS1's mean beats.
"""

from math import exp, log, pi, sqrt
from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import HOP

STEP: Final = 5
"""Grid samples per sample of the window: 50 Hz holds all of fibrillation (2 to 9 Hz)."""

SECOND: Final = 50
"""Window samples in a second."""

SECONDS: Final = 4
"""Window: long enough for eight waves of slow flutter, short enough to alarm within 5 s."""

WINDOW: Final = SECONDS * SECOND

TAPS: Final = (0.05, 0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05)
"""Low-pass before the step to 50 Hz: moving means of 5 and 4 in one, so that 50 Hz hum is zero
and 60 Hz below 1 %; otherwise hum would fold into the band of fibrillation."""

AMPLITUDE: Final = 40.0
"""Least mean deflection in uV (about 150 uV peak to peak); below it lies asystole's noise."""

QUIETEST: Final = 20.0
"""Least mean deflection of any second in uV: a step or a single artefact is no rhythm."""

BIAS: Final = 18.09
LEAK: Final = -12.33
REST: Final = -3.28
PEAKED: Final = -3.5
SPIKED: Final = -0.84
SMALL: Final = 1.08
BROAD: Final = -2.04
NARROW: Final = -10.44
SLOW: Final = -3.12
"""Weights of the log odds, see above."""

SHORTEST: Final = 5
"""First lag of the autocorrelation in window samples: 0.1 s."""

BEATING: Final = 20
LAGS: Final = 56
"""Lag of 0.4 s, 150 a minute: flutter in 207 has waves of 0.34 to 0.37 s. Lags from SHORTEST:
up to 1.2 s, a multiple of four."""

PLAIN: Final = 0.75
"""Autocorrelation of a rhythm that is plain: no annotated flutter is so regular so slowly."""

WANDER: Final = 25.0
"""Mean period in window samples above which it is wander: 0.5 s; flutter has up to 0.36 s."""

IMPOSSIBLE: Final = -20.0
"""Log odds of what is too small to be fibrillation."""

MARGIN: Final = 2.0
"""Log odds that count neither for nor against."""

SLOPE: Final = 4.0
"""Largest evidence per second: no single window decides."""

ENOUGH: Final = 3.5
"""Evidence for the verdict: almost a second of windows that could not be clearer."""

RELEASE: Final = 20
"""Hops without evidence until the verdict falls: with the window's own share about 4 s."""

STATE: Final = np.dtype(
    [
        ("evidence", "f4"),  # 0 … ENOUGH
        ("vf_score", "f4"),  # probability of the last window alone, 0 … 1, for display
        ("vf", "i4"),  # the verdict
        ("quiet", "i4"),  # hops without evidence
        ("phase", "i4"),  # grid samples since the last hop
        ("head", "i4"),  # oldest sample of the window
        ("now", "f4"),  # low-pass sums of the next window sample and of the one after
        ("next", "f4"),
        ("ring", "i2", (WINDOW,)),  # uV, limited: 1 uV steps are far below every threshold
    ],
    align=True,
)
"""One patient's state; zeros are valid."""

_TAPS: Final = np.array(TAPS, np.float32)
_PLACE: Final = np.clip((np.arange(WINDOW) - 0.5 * (SECOND - 1)) / SECOND, 0.0, SECONDS - 1.0)
_INTO: Final = np.minimum(_PLACE.astype(np.int64), SECONDS - 2)
_SHARE: Final = _PLACE - _INTO
# Between the middles of which two seconds a sample of the window lies, and how far.


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Forget everything; also after a gap, for a window across it would be no waveform."""
    s.evidence = 0.0
    s.vf_score = 0.0
    s.vf = 0
    s.quiet = 0
    s.phase = 0
    s.head = 0
    s.now = 0.0
    s.next = 0.0
    s.ring[:] = 0


@nb.njit(cache=True)
def step(s: Any, y: float) -> None:
    """Take one grid sample, baseline removed, in microvolts; update `vf` and `vf_score`."""
    place = s.phase % STEP
    s.now += _TAPS[place + 3] * y
    if place >= 2:
        s.next += _TAPS[place - 2] * y
    if place == STEP - 1:
        s.ring[s.head] = int(min(max(s.now, -32000.0), 32000.0))
        s.head = (s.head + 1) % WINDOW
        s.now, s.next = s.next, 0.0
    s.phase += 1
    if s.phase == HOP:
        s.phase = 0
        _judge(s)


@nb.njit(cache=True)
def _judge(s: Any) -> None:
    """Weigh the window and move the evidence, the verdict and its release."""
    z = _log_odds(s)
    s.vf_score = 1.0 / (1.0 + exp(-z))
    gain = min(max(z - MARGIN, -SLOPE), SLOPE) * 0.1  # a hop is a tenth of a second
    s.evidence = min(max(s.evidence + gain, 0.0), ENOUGH)
    s.quiet = 0 if s.evidence > 0.0 else min(s.quiet + 1, RELEASE)
    if s.evidence >= ENOUGH:
        s.vf = 1
    elif s.quiet >= RELEASE:
        s.vf = 0


@nb.njit(cache=True)
def _log_odds(s: Any) -> float:
    """Log odds of fibrillation for the window."""
    x = np.empty(WINDOW, np.float64)
    level = np.empty(SECONDS, np.float64)
    size = _levels(s, x, level)
    if size < AMPLITUDE or level.min() < QUIETEST:
        return IMPOSSIBLE
    _even_out(x, level)
    period, peaked, spiked = _differences(x)
    if period > WANDER:
        return IMPOSSIBLE
    z: float = BIAS + LEAK * _leak(x, period) + REST * _rest(x)
    z += PEAKED * log(peaked) + SPIKED * log(spiked)
    z += SMALL * min(0.0, log(size / 100.0))
    z += BROAD * max(0.0, log(period / (0.25 * SECOND)))
    z += NARROW * max(0.0, log(0.15 * SECOND / period))
    if z <= MARGIN - SLOPE:  # the costly part cannot change what follows from it
        return z
    surplus, plain = _beating(x)
    z += SLOW * max(0.0, surplus)
    return min(z, MARGIN - SLOPE) if plain else z


@nb.njit(cache=True)
def _levels(s: Any, x: Any, level: Any) -> float:
    """Write the window in order of time, mean removed, and its mean deflection per second."""
    total = 0
    for k in range(WINDOW):
        total += s.ring[k]
    mean = total / WINDOW
    split = WINDOW - s.head
    for k in range(split):
        x[k] = s.ring[s.head + k] - mean
    for k in range(split, WINDOW):
        x[k] = s.ring[k - split] - mean
    for second in range(SECONDS):
        size = 0.0
        for v in x[second * SECOND : (second + 1) * SECOND]:
            size += abs(v)
        level[second] = size / SECOND
    return float(level.mean())


@nb.njit(cache=True)
def _even_out(x: Any, level: Any) -> None:
    """Scale each second to a mean deflection of about 1; the gain is linear in between."""
    gain = 1.0 / level
    for k in range(WINDOW):
        second, share = _INTO[k], _SHARE[k]
        x[k] *= (1.0 - share) * gain[second] + share * gain[second + 1]


@nb.njit(cache=True)
def _rest(x: Any) -> float:
    """Share of samples near the isoelectric line."""
    near = 0
    for second in range(SECONDS):
        part = x[second * SECOND : (second + 1) * SECOND]
        largest = 0.0
        for v in part:
            largest = max(largest, abs(v))
        for v in part:
            near += abs(v) < 0.2 * largest
    return near / WINDOW


@nb.njit(cache=True)
def _differences(x: Any) -> tuple[float, float, float]:
    """Mean period in samples; kurtosis about zero of first and of second differences."""
    size, travel, last = abs(x[0]), 1e-9, 0.0
    d2, d4, c2, c4 = 1e-9, 1e-18, 1e-9, 1e-18
    for k in range(1, WINDOW):
        d = x[k] - x[k - 1]
        size += abs(x[k])
        travel += abs(d)
        d2 += d * d
        d4 += d * d * d * d
        if k > 1:
            c = (d - last) * (d - last)
            c2 += c
            c4 += c * c
        last = d
    # Exact for a sinusoid: its mean deflection over its mean slope is the period over 2 pi.
    return 2.0 * pi * size / travel, WINDOW * d4 / (d2 * d2), WINDOW * c4 / (c2 * c2)


@nb.njit(cache=True)
def _leak(x: Any, period: float) -> float:
    """Kuo and Dillman's leakage: 0 for a sinusoid, towards 1 for anything broad-band."""
    half = min(max(int(0.5 * period + 0.5), 1), SECOND)
    over, total = 0.0, 1e-9
    for k in range(half, WINDOW):
        over += abs(x[k] + x[k - half])
        total += abs(x[k]) + abs(x[k - half])
    return over / total


@nb.njit(cache=True)
def _beating(x: Any) -> tuple[float, bool]:
    """Surplus of correlation beyond 0.4 s; whether the first of its high peaks lies there."""
    r = np.empty(LAGS, np.float64)
    _correlate(x, r)
    top = 0.0
    for k in range(1, LAGS - 1):
        if r[k - 1] < r[k] >= r[k + 1]:
            top = max(top, r[k])
    first = 1
    while first < LAGS - 1 and (
        r[first] < 0.85 * top or not r[first - 1] < r[first] >= r[first + 1]
    ):
        first += 1
    split = BEATING - SHORTEST + 1
    surplus = r[split:].max() - r[:split].max()
    return surplus, top > PLAIN and first + SHORTEST >= BEATING


@nb.njit(cache=True)
def _correlate(x: Any, r: Any) -> None:
    """Normalised autocorrelation at LAGS lags, four at a time to keep the processor busy."""
    energy = np.empty(WINDOW + 1, np.float64)
    energy[0] = 0.0
    for i in range(WINDOW):
        energy[i + 1] = energy[i] + x[i] * x[i]
    for k in range(0, LAGS, 4):
        first = k + SHORTEST + 3  # from here on all four lags have their partner
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(first, WINDOW):
            a += x[i] * x[i - first + 3]
            b += x[i] * x[i - first + 2]
            c += x[i] * x[i - first + 1]
            d += x[i] * x[i - first]
        r[k], r[k + 1], r[k + 2], r[k + 3] = a, b, c, d
        for j in range(4):
            partner = energy[WINDOW - first + 3 - j] - energy[3 - j]
            r[k + j] /= sqrt((energy[WINDOW] - energy[first]) * partner) + 1e-9
