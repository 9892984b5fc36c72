"""Where a T wave ends: the tangent at its steepest fall meets the isoelectric line.

The tangent method (Lepeschkin, Surawicz: The measurement of the Q-T interval of the
electrocardiogram, Circulation 6:378-388, 1952), as guidelines teach it (Postema, Wilde: The
measurement of the QT interval, Curr Cardiol Rev 10:287-294, 2014). The isoelectric line runs from
the onset of the QRS complex to the foot of the T wave.

The high-pass of `clean` bends both: at 0.5 Hz it makes QT 10 ms too short. `restore` undoes it: the
inverse of a second-order high-pass with corner w is y + √2·w ∫y + w² ∬y, exact but for a straight
line, which the isoelectric line takes away.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from stream.engine.intervals.beat import BEFORE, HEAD, MS, STEP, TAIL, TAIL_FROM, tail_ms

CORNER: Final = 2.0 * math.pi * 0.5
"""Of the high-pass, radians a second (`clean.CORNER`; a test holds both together)."""
FOOT: Final = 0.1
"""Share of the steepest fall at which the wave is over."""
ROUNDS: Final = 3
"""The foot is sought again on the levelled wave so often: it no longer moves after that."""
CLEAR_MS: Final = 20.0
"""The wave is sought from so long after the QRS complex."""
LEAST: Final = 6
"""Steps in which a T wave can be seen."""


@njit(cache=True)
def restore(beat: Any, onset: int, out: Any) -> None:
    """Fill `out` (TAIL,) with the tail of `beat` without the high-pass, from the level at `onset`."""
    level = 0.0
    first = max(onset - 3, 0)
    for k in range(first, onset + 1):
        level += beat[k] / (onset + 1 - first)
    once = twice = 0.0
    step = MS / 1000.0
    for k in range(1, BEFORE + TAIL_FROM + 1):
        area = once + step * (0.5 * (beat[k] + beat[k - 1]) - level)
        twice += 0.5 * step * (once + area)
        once = area
    before = beat[BEFORE + TAIL_FROM] - level
    step = (tail_ms(0.0) - MS * TAIL_FROM) / 1000.0
    for k in range(TAIL):
        value = beat[HEAD + k] - level
        area = once + 0.5 * step * (value + before)
        twice += 0.5 * step * (once + area)
        once = area
        before = value
        step = STEP * MS / 1000.0
        out[k] = value + math.sqrt(2.0) * CORNER * once + CORNER * CORNER * twice


@njit(cache=True)
def end(tail: Any, onset_ms: float, offset_ms: float, limit_ms: float) -> tuple[float, float]:
    """End of the T wave (ms after R, NaN where none is sure) and its height in microvolts.

    Args:
        tail: restored, (TAIL,); levelled in place.
        onset_ms: of the QRS complex, after R.
        offset_ms: its end.
        limit_ms: the T wave is over by then: the next P wave comes.
    """
    first = max(0, math.ceil((offset_ms + CLEAR_MS - tail_ms(0.0)) / (STEP * MS)))
    last = min(TAIL - 2, math.floor((limit_ms - tail_ms(0.0)) / (STEP * MS)))
    if last - first < LEAST:
        return np.nan, 0.0
    peak = steepest = -1
    way = 0.0
    for _ in range(ROUNDS):
        peak, height = _peak(tail, first, last)
        if peak <= first or peak >= last:
            return np.nan, 0.0
        way = 1.0 if height > 0.0 else -1.0
        steepest, foot = _fall(tail, peak, last, way)
        if foot < 0:
            return np.nan, 0.0
        slope = tail[foot] / (tail_ms(foot) - onset_ms)
        for k in range(TAIL):
            tail[k] -= slope * (tail_ms(k) - onset_ms)
    return tail_ms(_tangent(tail, steepest, way)), way * tail[peak]


@njit(cache=True)
def _peak(x: Any, first: int, last: int) -> tuple[int, float]:
    """The place farthest from the line between both ends, and how far."""
    at, best = -1, 0.0
    for k in range(first, last + 1):
        away = x[k] - x[first] - (x[last] - x[first]) * (k - first) / (last - first)
        if abs(away) > abs(best):
            at, best = k, away
    return at, best


@njit(cache=True)
def _drop(x: Any, k: int, way: float) -> float:
    """How much the wave falls back at place `k`, per step."""
    return float(0.5 * way * (x[k - 1] - x[k + 1]))


@njit(cache=True)
def _fall(x: Any, peak: int, last: int, way: float) -> tuple[int, int]:
    """Where the wave falls back fastest after its peak, and where that is over (-1: nowhere)."""
    at, most = -1, 0.0
    for k in range(peak, last):
        drop = _drop(x, k, way)
        if drop > most:
            at, most = k, drop
        elif most > 0.0 and drop < 0.5 * most:
            break
    if at < 0:
        return -1, -1
    for k in range(at + 1, last + 1):
        if _drop(x, k, way) < FOOT * most:
            return at, k
    return at, -1


@njit(cache=True)
def _tangent(x: Any, at: int, way: float) -> float:
    """Place at which the tangent at the steepest fall reaches 0; a parabola places it between steps."""
    a, b, c = _drop(x, at - 1, way), _drop(x, at, way), _drop(x, at + 1, way)
    bend = a - 2.0 * b + c
    shift = min(max(0.5 * (a - c) / bend, -0.5), 0.5) if bend < 0.0 else 0.0
    slope = b - 0.25 * (a - c) * shift
    return float(at + shift + way * (x[at] - way * b * shift) / slope)
