"""Room `segment`: one window and one context vector per beat, causal, from the beat's own past.

The sliding window is R - 0.400 s to R + 0.360 s at 125 Hz (96 samples), its stride is the beat: one
window per detected beat, complete `AFTER` samples (0.364 s) after R. Four shapes go to the classifier
in one row (`ecg.window` has the layout): the beat, the patient's dominant shape, the late (sinus) shape and the beat before; all in
microvolts about their own mean. The context holds RR ratios to the past only, relations to the
patient's template bank, and the beat's quality. No label ever comes back into this room, so training
is one pass over the same code.

Use, for each 250 Hz sample: `step`, then `add` for a beat that the detector has just decided, then
`while ready(s): cut(s, window, context)`. Before a gap: `finish`, cut what is ready, `restart`.
Kernels of one row: `s` is a record of `STATE`, valid after `init`.
"""

from typing import Any

import numpy as np
from numba import njit

from ecg.types import RATE
from ecg.window import CONTEXT, LENGTH, WINDOW, R
from stream.engine.segment import intervals as iv
from stream.engine.segment import patterns as pt
from stream.engine.segment import templates as tp

__all__ = ["AFTER", "BEFORE", "CONTEXT", "STATE", "STRIDE", "WINDOW"]

STRIDE = 2
"""250 Hz samples per window sample: the model's rate is 125 Hz."""
BEFORE = R * STRIDE
"""Samples of the window before R: 0.400 s."""
AFTER = (LENGTH - 1 - R) * STRIDE + 1
"""Last sample after R that the window needs (0.364 s): the 3-tap smoother's reach included."""
RING = 256
"""Samples kept: BEFORE + AFTER and the detector's latency (<= 0.45 s), rounded up to a power of 2."""
QUEUE = 4
"""Beats that may wait: they are >= 0.2 s apart and none waits longer than 0.45 s."""
STATE = np.dtype(
    [
        ("ring", "f4", RING),
        ("shape", "i2", (tp.SHAPES, LENGTH)),
        ("late", "i2", LENGTH),
        ("previous", "i2", LENGTH),
        ("rrs", "f4", iv.HISTORY),
        ("weight", "f8", tp.SHAPES),
        ("early", "f4", tp.SHAPES),
        ("pause", "f4", tp.SHAPES),
        ("members", "i2", tp.SHAPES),
        ("pauses", "i2", tp.SHAPES),
        ("queue", "f8", QUEUE),
        ("qualities", "f4", QUEUE),
        ("count", "i8"),  # index of the next sample
        ("origin", "i8"),  # index of the first sample since the start or the last gap
        ("known", "i8"),  # RR intervals seen since init
        ("beat", "f8"),
        ("rr", "f8"),
        ("last", "f8"),  # beat before, -1 where unknown
        ("slow", "f8"),
        ("slowest", "f8"),
        ("calm", "f8"),
        ("mean", "f8"),
        ("earlies", "f8"),
        ("early_last", "f8"),
        ("corr_last", "f8"),
        ("corr_second", "f8"),
        ("typical_corr", "f8"),
        ("p_typical", "f8"),
        ("typical_quality", "f8"),
        ("run_beats", "f8"),
        ("run_before", "f8"),
        ("run_onset", "f8"),
        ("run_rr", "f8"),
        ("early_pause", "f4"),
        ("early_depth", "f4"),
        ("p_gain", "f4"),
        ("quality", "f4"),
        ("unlike", "f4"),  # how far the beat that was cut is from those before it
        ("waiting", "i4"),
        ("finished", "i4"),
        ("dominant", "i4"),
        ("lates", "i4"),
        ("own_last", "i4"),  # shape of the beat before, -1 where unknown
        ("beats", "i8"),
    ],
    align=True,
)


@njit(cache=True)
def init(s: Any) -> None:
    """Make the all-zero record `s` ready for sample 0."""
    s.last = -1.0
    s.own_last = -1
    s.slow = 0.8
    s.slowest = 0.8
    s.calm = 0.8
    s.mean = 0.8
    s.early_last = 1.0
    s.corr_last = 1.0
    s.corr_second = 1.0
    s.typical_corr = 1.0
    s.p_typical = 0.5
    s.typical_quality = 1.0
    s.run_before = 0.8
    s.run_onset = 1.0
    s.run_rr = 0.8
    s.early_pause = 1.0
    s.early_depth = 0.8
    s.p_gain = 1.0


@njit(cache=True)
def restart(s: Any, sample: int) -> None:
    """Go on at `sample` after a gap: the RR chain is broken, shapes and RR means are kept."""
    s.ring[:] = 0.0
    s.count = sample
    s.origin = sample
    s.last = -1.0
    s.own_last = -1
    s.waiting = 0
    s.finished = 0


@njit(cache=True)
def finish(s: Any) -> None:
    """Before a gap or the end: beats that still wait become ready with what has arrived."""
    s.finished = 1


@njit(cache=True)
def step(s: Any, y: float) -> bool:
    """Take one clean sample (microvolts, 250 Hz); True when a waiting beat is complete."""
    s.ring[s.count & (RING - 1)] = y
    s.count += 1
    return bool(ready(s))


@njit(cache=True)
def add(s: Any, beat: float, quality: float) -> None:
    """Queue a beat (R on the 250 Hz grid) that the detector has just decided; quality 0 to 1."""
    if s.waiting < QUEUE:
        s.queue[s.waiting] = beat
        s.qualities[s.waiting] = quality
        s.waiting += 1


@njit(cache=True)
def ready(s: Any) -> bool:
    """True when the oldest waiting beat can be cut."""
    complete = s.finished == 1 or s.count - 1 >= np.rint(s.queue[0]) + AFTER
    return bool(s.waiting > 0 and complete)


@njit(cache=True)
def cut(s: Any, window: np.ndarray, context: np.ndarray) -> None:
    """Fill float32 `window` (WINDOW,) and `context` (CONTEXT,) for the oldest waiting beat.

    Afterwards `s.beat`, `s.quality`, `s.rr` (seconds since the beat before, 0 where unknown or
    across a gap) and `s.unlike` (from P to T wave, RMS over the QRS height of the dominant shape, how far
    it is from its own shape or the beat before, the nearer one) describe it, and the RR history and the template bank have taken it in.
    """
    _take(s)
    beat = window[:LENGTH]
    _sample_beat(s, beat)
    mean = iv.fill(s, context)
    pt.fill(s, context, context[0], mean)
    early = min(s.rr / mean, 3.0) if s.rr > 0.0 else 1.0
    index, corr, lag, second = tp.nearest(s, beat)
    if s.own_last >= 0 and s.rr > 0.0:
        tp.remember_pause(s, s.own_last, early)
    dominant_corr, dominant_lag = corr, lag
    if s.beats > 0:
        dominant_corr, dominant_lag = tp.match(beat, s.shape[s.dominant])
    _copy_shapes(s, window)
    _likeness(s, window, context, index, corr, second, dominant_corr, dominant_lag)
    s.unlike = tp.unlikeness(s, window, index if corr >= tp.JOIN else -1, lag)
    own = tp.join(s, beat, index, corr, lag, early)
    if own == s.dominant and (early >= 1.0 or s.lates == 0):
        tp.learn_late(s, beat, dominant_lag if s.beats > 0 else 0)
    _remember(s, beat, own, early, dominant_corr)


@njit(cache=True)
def _take(s: Any) -> None:
    """Move the oldest waiting beat to `s.beat` and set its RR."""
    s.beat = s.queue[0]
    s.quality = s.qualities[0]
    s.waiting -= 1
    for k in range(s.waiting):
        s.queue[k] = s.queue[k + 1]
        s.qualities[k] = s.qualities[k + 1]
    s.rr = (s.beat - s.last) / RATE if s.last >= 0.0 else 0.0
    s.last = s.beat


@njit(cache=True)
def _at(s: Any, i: int) -> float:
    """Clean sample `i`; 0 before the stream began, the newest sample after its end."""
    if i < s.origin or i < s.count - RING or s.count == s.origin:
        return 0.0
    return float(s.ring[min(i, s.count - 1) & (RING - 1)])


@njit(cache=True)
def _sample_beat(s: Any, out: np.ndarray) -> None:
    """The window at 125 Hz (3-tap binomial smoother against aliasing), about its mean."""
    first = np.int64(np.rint(s.beat)) - BEFORE
    total = 0.0
    for k in range(LENGTH):
        i = first + STRIDE * k
        value = 0.25 * _at(s, i - 1) + 0.5 * _at(s, i) + 0.25 * _at(s, i + 1)
        out[k] = min(max(value, -32000.0), 32000.0)
        total += out[k]
    total /= LENGTH
    for k in range(LENGTH):
        out[k] -= total


@njit(cache=True)
def _copy_shapes(s: Any, window: np.ndarray) -> None:
    """Dominant, late and previous shapes as they were before this beat; the beat where unknown."""
    for k in range(LENGTH):
        beat = window[k]
        known = s.beats > 0
        dominant = float(s.shape[s.dominant, k]) if known else beat
        window[LENGTH + k] = dominant
        window[2 * LENGTH + k] = float(s.late[k]) if s.lates > 0 else dominant
        window[3 * LENGTH + k] = float(s.previous[k]) if known else beat


@njit(cache=True)
def _likeness(
    s: Any,
    window: np.ndarray,
    c: np.ndarray,
    index: int,
    corr: float,
    second: float,
    dominant_corr: float,
    lag: int,
) -> None:
    """Context 23 to 44: correlations with the patient's own shapes before this beat joined."""
    beat = window[:LENGTH]
    late = window[2 * LENGTH : 3 * LENGTH]
    previous = window[3 * LENGTH :]
    own = index >= 0 and corr >= tp.JOIN
    late_corr, late_lag = tp.match(beat, late)
    c[23] = corr
    c[24] = second
    c[25] = dominant_corr
    c[26] = lag
    c[27] = late_corr
    c[28] = tp.match(beat, previous)[0]
    c[29] = s.corr_second
    c[30] = s.weight[index] if own else 0.0
    c[31] = s.weight[s.dominant]
    c[32] = s.early[index] if own else 1.0
    c[33] = s.pause[index] if own and s.pauses[index] > 0 else 1.0
    c[34] = min(s.members[index], 32) / 32.0 if own else 0.0
    c[35] = s.corr_last
    c[36] = s.early_last
    c[37] = s.typical_corr
    c[38] = tp.wave_correlation(beat, late, late_lag)
    c[39] = tp.wave_correlation(beat, window[LENGTH : 2 * LENGTH], lag)
    c[40] = tp.wave_correlation(beat, previous, 0)
    c[41] = s.p_typical
    c[42] = min(s.lates, 32) / 32.0
    c[46] = s.quality
    c[47] = s.typical_quality
    at = pt.AT + 10
    c[at], c[at + 1], c[at + 2] = tp.wave_search(beat, late)
    c[at + 3] = s.p_gain
    s.p_gain += (c[at + 2] - s.p_gain) / 16.0
    s.p_typical += (c[38] - s.p_typical) / 16.0
    s.typical_quality += (s.quality - s.typical_quality) / 16.0


@njit(cache=True)
def _remember(s: Any, beat: np.ndarray, own: int, early: float, corr: float) -> None:
    """Take the beat into the RR history and the memory of the beats before."""
    for k in range(LENGTH):
        s.previous[k] = np.int16(np.rint(min(max(beat[k], -32767.0), 32767.0)))
    if s.rr > 0.0:
        pt.learn(s, min(s.rr, iv.LONGEST_RR), s.mean)
    s.own_last = own
    s.early_last = early
    s.corr_second = s.corr_last
    s.corr_last = corr
    s.typical_corr += (corr - s.typical_corr) / 16.0
    s.beats += 1
    if s.rr > 0.0:
        iv.learn(s, min(s.rr, iv.LONGEST_RR))
