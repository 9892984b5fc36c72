"""Room `detect`: samples of the 250 Hz grid in, heart beats out, decided 0.35 s after R.

Local maxima of a mix of five band envelopes (`bands`) are candidates. 0.24 s after its
peak a candidate is judged (`score`) against the level of the last six beats, the last
seven rejected candidates, the rhythm, the noise and the candidates that follow it. Memory is
finite: six beats forget anything, and after 3 s without a strong beat the level is learned
anew from the largest waves, if they look like QRS complexes. What follows an arrest (P waves,
noise, hum) must not: below 30 µV in the 14 Hz band nothing is a beat.

`s.signal` and `s.noise` are running levels in microvolts of the 14 Hz band: the peak of the last
beats, and the geometric mean of the envelope (its floor between the beats). Their ratio tells how
clean a lead is: above 10 in a quiet ward, below 3 every second beat is a guess.
"""

from math import exp, log
from typing import Any, Final

import numba as nb
import numpy as np

from stream.engine.detect.bands import BANDS, HALF, envelope, halve
from stream.engine.detect.fiducial import extremum, vertex
from stream.engine.detect.memory import AGAIN, FLOOR, START, learn_anew, learn_beat, learn_rejected
from stream.engine.detect.score import FEATURES, KNOWN, LOOK, NEVER, strength, verdict

_Y: Final = 128  # grid samples kept: the decision's delay (76) and the fiducial's reach (35)
_RING: Final = 16  # envelope samples kept
_CANDIDATES: Final = 6  # at most 4 fit into the look-ahead
_SHAPE: Final = 5  # half width of a shape in envelope samples, ±40 ms
_APART: Final = 10  # candidates nearer than 80 ms are one: an R and its S wave

LATENCY: Final = 88
"""Grid samples after R in which a beat is decided: 350 ms."""

_EARLIEST: Final = 10.5
"""Grid samples that R may lie before the energy peak: bounds the latency to 350 ms."""

_WEAKEST: Final = -1.6
"""Nor below a fifth of the last beats' level: costs 2 of 112,000 training beats, and keeps the P
waves of a ventricular standstill silent."""

_WEAK, _DULL = -1.2, -0.7
"""Nor below 0.3 of it with half their slope from 5 to 22 Hz (P waves again): 5 of 112,000."""

STATE: Final = np.dtype(
    [
        ("n", "i8"),  # grid samples consumed, gaps counted
        ("beat", "f8"),  # R of the last beat, grid index
        ("base", "i8"),  # grid index at which the stretch began
        ("passed", "i8"),  # grid samples that `conclude` has made up
        ("m", "i8"),  # envelope index within the stretch; all places below count so
        ("last", "i8"),  # place of the last beat
        ("quiet", "i8"),  # place from which waves count for learning anew
        ("until", "i8"),  # place at which they are learned
        ("rejected_place", "i8"),
        ("rejected", "f4"),  # strongest rejected candidate since the last beat
        ("beat_quality", "f4"),  # probability that the last beat is one, 0.5 … 1
        ("signal", "f4"),  # running level of the beats, µV at 14 Hz
        ("noise", "f4"),  # running floor between the beats, µV at 14 Hz
        ("polarity", "f4"),  # −1 … 1 of the last beats
        ("rr", "f4"),  # median of the last six RR in seconds
        ("previous", "f4"),  # last RR
        ("slope", "f4"),  # logarithm of 22 over 5 Hz of the beats, slowly
        ("mean", "f4"),  # mean 14 Hz envelope, 0.75 s
        ("count", "i4"),  # candidates
        ("learned", "i4"),
        ("beats", "i4"),
        ("rejections", "i4"),
        ("intervals", "i4"),
        ("y", "f4", (_Y,)),
        ("x", "f4", (2 * HALF + 1,)),  # at 125 Hz, oldest first
        ("envelopes", "f4", (_RING, BANDS)),
        ("mix", "f4", (3,)),
        ("geometric", "f4", (3,)),  # mean logarithm of the envelopes at 5, 14, 38 Hz, 1 s
        ("level", "f4", (BANDS,)),
        ("floor", "f4", (BANDS,)),
        ("latest", "f4", (BANDS,)),  # peaks of the last beat
        ("top", "f4", (BANDS,)),  # largest peaks while learning
        ("last_beats", "f4", (6, BANDS)),
        ("last_rejected", "f4", (7, BANDS)),
        ("last_rr", "f4", (6,)),
        ("template", "f4", (2 * _SHAPE + 1,)),
        ("place", "i8", (_CANDIDATES,)),
        ("size", "f4", (_CANDIDATES,)),
        ("peak", "f4", (_CANDIDATES, BANDS)),  # logarithms of µV
        ("about", "f4", (_CANDIDATES, 5)),  # mean, three geometric means, peakedness
        ("shape", "i1", (_CANDIDATES, 2 * _SHAPE + 1)),
        ("f", "f4", (FEATURES,)),
    ],
    align=True,
)
"""One patient's state; bytes of zero become valid by `init`."""


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Start a new patient: nothing learned."""
    s.beat = -1e9
    s.learned = 0
    s.beats = s.rejections = s.intervals = 0
    s.polarity = 0.0
    s.signal = s.slope = 0.0
    s.rr = s.previous = 0.8
    s.last_rr[:] = 0.8
    s.template[:] = 0.0
    s.level[:] = 0.0
    s.floor[:] = 0.0
    s.latest[:] = 0.0
    restart(s, 0)


@nb.njit(cache=True)
def restart(s: Any, sample: int) -> None:
    """After a gap: the next grid sample is `sample`; what was learned stays, the signal goes."""
    s.n = s.base = sample
    s.passed = 0
    s.m = 0
    s.last = -125  # a beat may come at once, and need not
    s.rejected_place = -1000
    s.quiet = 0
    s.until = AGAIN if s.learned else START
    s.count = 0
    s.mean = s.noise = 0.0
    s.y[:] = 0.0
    s.x[:] = 0.0
    s.envelopes[:] = 0.0
    s.mix[:] = 0.0
    s.geometric[:] = 0.0
    s.top[:] = 0.0


@nb.njit(cache=True)
def step(s: Any, y: float) -> bool:
    """Take one grid sample in microvolts; True when a beat has just been decided.

    Then `s.beat` is its R wave as a grid index with sub-sample part, at least 50 samples
    after the beat before and at most 87.5 before `s.n`; `s.beat_quality` its probability.
    """
    if not due(s, y):
        return False
    logit = verdict(s)
    beat: bool = settle(s, logit >= 0.0, logit)
    return beat


@nb.njit(cache=True)
def conclude(s: Any) -> bool:
    """Before a gap or the end: go on as if the last sample lasted; True when a beat has been decided.

    To be called until it is False; then `restart` must follow. A beat whose QRS has just arrived is
    found so, where otherwise LATENCY would pass before it is.
    """
    last = s.y[(s.n - 1) % _Y]
    while s.passed < LATENCY:
        s.passed += 1
        if step(s, last) and s.beat < s.n - s.passed:
            return True
    return False


@nb.njit(cache=True)
def due(s: Any, y: float) -> bool:
    """Take one grid sample; True when the oldest candidate must be judged and settled now."""
    s.y[s.n % _Y] = y
    s.n += 1
    if (s.n - 1 - s.base) % 2:
        return False
    _envelopes(s)
    _find(s)
    if s.count and s.place[s.count - 1] + KNOWN == s.m:
        _measure(s, s.count - 1)
        learn_anew(s, s.count - 1)
    if s.count == 0 or s.m < s.place[0] + LOOK + KNOWN:
        return False
    if s.learned == 0:
        _drop(s)
        return False
    return True


@nb.njit(cache=True)
def settle(s: Any, accept: bool, logit: float) -> bool:
    """Make the oldest candidate a beat or a rejection and learn from it; True for a beat."""
    power = strength(s, 0)
    accept = accept and logit > NEVER and _substantial(s, power)
    if accept:
        _locate(s)
        s.beat_quality = 1.0 / (1.0 + exp(-logit))
        learn_beat(s, power)
    else:
        learn_rejected(s, power)
    _drop(s)
    return accept


@nb.njit(cache=True)
def _substantial(s: Any, power: float) -> bool:
    """Is the oldest candidate large enough for a beat, in microvolts and beside the last ones?"""
    slope = s.peak[0, 3] - s.peak[0, 0] - (s.level[3] - s.level[0])
    dull = power < _WEAK and slope < _DULL
    return bool(s.peak[0, 2] > FLOOR and power > _WEAKEST and not dull)


@nb.njit(cache=True)
def _envelopes(s: Any) -> None:
    """Advance the envelopes by one sample and their running means."""
    for i in range(2 * HALF):
        s.x[i] = s.x[i + 1]
    s.x[2 * HALF] = halve(s.y, s.n - 1)
    s.m = (s.n - 3 - s.base) // 2 - HALF
    e = s.envelopes[s.m % _RING]
    for b in range(BANDS):
        e[b] = envelope(s.x, b)
    s.mean += (e[2] - s.mean) * 0.0106
    for i in range(3):
        s.geometric[i] += (log(e[2 * i] + 1.0) - s.geometric[i]) * 0.008
    s.noise = exp(s.geometric[1])
    s.mix[0], s.mix[1] = s.mix[1], s.mix[2]
    s.mix[2] = 0.1 * e[0] + 0.5 * e[1] + e[2] + 0.6 * e[3]


@nb.njit(cache=True)
def _find(s: Any) -> None:
    """Queue a local maximum of the mix; of two nearer than 80 ms the larger stays."""
    top = s.mix[1]
    if top <= s.mix[0] or top < s.mix[2] or top <= 2.0:
        return
    place = s.m - 1
    if s.count and place - s.place[s.count - 1] <= _APART:
        if top <= s.size[s.count - 1]:
            return
        s.count -= 1
    if s.count < _CANDIDATES:
        s.place[s.count] = place
        s.size[s.count] = top
        s.count += 1


@nb.njit(cache=True)
def _measure(s: Any, c: int) -> None:
    """Peaks within −32 … 8 ms, surroundings and shape of candidate `c`."""
    for b in range(BANDS):
        top = 0.0
        for m in range(s.place[c] - 4, s.place[c] + KNOWN + 1):
            top = max(top, s.envelopes[m % _RING, b])
        s.peak[c, b] = log(top + 1.0)
    near = 0.0
    for i in range(_RING):
        near += s.envelopes[i, 2]
    s.about[c, 0] = s.mean
    for i in range(3):
        s.about[c, 1 + i] = s.geometric[i]
    s.about[c, 4] = log(near / _RING + 1.0) - s.peak[c, 2]
    _sketch(s, c)


@nb.njit(cache=True)
def _sketch(s: Any, c: int) -> None:
    """Shape of ±40 ms, mean removed, in 1/127 of its largest deflection."""
    width, first = 2 * _SHAPE + 1, HALF - KNOWN - _SHAPE
    mean, top = 0.0, 1e-3
    for i in range(width):
        mean += s.x[first + i] / width
    for i in range(width):
        top = max(top, abs(s.x[first + i] - mean))
    for i in range(width):
        s.shape[c, i] = int((s.x[first + i] - mean) / top * 127.0)


@nb.njit(cache=True)
def _drop(s: Any) -> None:
    """Remove the oldest candidate."""
    for c in range(1, s.count):
        s.place[c - 1] = s.place[c]
        s.size[c - 1] = s.size[c]
        s.peak[c - 1] = s.peak[c]
        s.about[c - 1] = s.about[c]
        s.shape[c - 1] = s.shape[c]
    s.count -= 1


@nb.njit(cache=True)
def _locate(s: Any) -> None:
    """Set `s.beat` to the R wave of the oldest candidate."""
    centre = s.base + 2 * s.place[0]
    at, size = extremum(s.y, centre, s.polarity)
    s.polarity += 0.2 * ((1.0 if size > 0.0 else -1.0) - s.polarity)
    s.beat = max(at + vertex(s.y, at), centre - _EARLIEST, s.beat + 50.0)
