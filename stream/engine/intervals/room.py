"""Room `intervals`: QRS duration, QT and QTc from the median beat of the last 10 s.

Kept are the last `BEATS` beats that the classifier named N and that look like the patient's dominant
shape. Each second `measure` takes their median, sample by sample, which one odd beat or a
burst of noise cannot move, and finds on it where QRS begins and ends (`qrs`) and T ends (`t_end`).
There is no value rather than a doubtful one: too few beats, uneven RR, a T wave that hardly rises
over the noise. Nothing here depends on the sizes of blocks: beats wait in `expect` and `fit` in order
of time.

Use while samples come: `expect` for a beat that the detector has decided, `cut` once it is `complete`.
Then, in order of time: `fit` for a beat that was named, `keep` for its cut, `measure` each second.
Kernels of one row: `s` is a record of `STATE`, valid with all bytes zero.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from ecg.types import RATE
from stream.engine.intervals.beat import BEFORE, HEAD, LENGTH, REACH, SHIFT, TAIL, centre, head_ms
from stream.engine.intervals.beat import cut as cut_beat
from stream.engine.intervals.qrs import edges
from stream.engine.intervals.t_end import end, restore

BEATS: Final = 8
"""Beats of a median: those of 10 s at 48 /min; more would cost a checkpoint 208 bytes each."""
SORTING: Final = (
    *((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6)),
    *((0, 4), (3, 7), (1, 5), (2, 6), (1, 4), (3, 6), (2, 4), (3, 5), (3, 4)),
)
"""A sorting network of 8 by 19 comparisons (Knuth: The Art of Computer Programming 3, 5.3.4)."""
LEAST: Final = 5
"""Beats that a median needs."""
SECONDS: Final = 10.0
"""Age of the oldest beat that counts."""
QUEUE: Final = 4
"""Beats that wait for their end: 0.6 s hold 3 at the detector's refractory time of 0.2 s."""
UNEVEN: Final = 0.25
"""Range of the RR over their mean: QT follows RR slowly, so beyond it no correction holds."""
PR_MS: Final = 160.0
"""The next P wave stands so long before the next R: a T wave has its foot before that."""
CLEAR: Final = 30.0
"""Height of T over the noise of a single beat (means of 16 ms) at which confidence is full. At half of
it, which is required, QT is within 15 ms on synthesis; at a quarter it is 70 ms off now and then."""
ENOUGH: Final = 0.5
"""Confidence below which nothing is said."""
QRS_MS: Final = (40.0, 240.0)
QT_MS: Final = (200.0, 600.0)
"""What hearts have; anything else was measured wrongly."""

MEASURE: Final = np.dtype(
    [("qrs", "f4"), ("qt", "f4"), ("bazett", "f4"), ("fridericia", "f4"), ("confidence", "f4")],
    align=True,
)
"""QRS, QT and QTc by Bazett and by Fridericia in ms, NaN where unknown; confidence 0 … 1."""

STATE: Final = np.dtype(
    [
        ("wait", "f8", QUEUE),  # R of the beats that are not complete
        ("fit", "f8", QUEUE),  # R of the beats to keep that are not cut
        ("fit_rr", "f4", QUEUE),
        ("at", "f8", BEATS),  # R of the beats kept
        ("rr", "f4", BEATS),
        ("beat", "i2", (BEATS, LENGTH)),
        ("waiting", "i4"),
        ("fits", "i4"),
        ("kept", "i8"),  # ever
    ],
    align=True,
)


# ── While samples come ────────────────────────────────────────────────────────────────────────


@njit(cache=True)
def expect(s: Any, r: float) -> None:
    """A beat at `r` (250 Hz grid) has been found: it is wanted when it is complete."""
    if s.waiting < QUEUE:
        s.wait[s.waiting] = r
        s.waiting += 1


@njit(cache=True)
def complete(s: Any, count: int) -> bool:
    """Whether the oldest wanted beat is, now that samples up to `count` have come."""
    return bool(s.waiting > 0 and count >= np.rint(s.wait[0]) + REACH)


@njit(cache=True)
def cut(s: Any, ring: Any, origin: int, out: Any) -> float:
    """Cut the oldest wanted beat into int16 `out` (LENGTH,); returns its R, or -1.

    Args:
        s: a record of STATE.
        ring: the last samples, by index modulo its length, a power of 2 of at least 256.
        origin: index of the first sample since the start or the last gap: no beat reaches before.
        out: where to.
    """
    r = s.wait[0]
    s.waiting -= 1
    for k in range(s.waiting):
        s.wait[k] = s.wait[k + 1]
    place = int(np.rint(r))
    if place - BEFORE - SHIFT < origin:
        return -1.0
    cut_beat(ring, centre(ring, place), out)
    return float(r)


@njit(cache=True)
def restart(s: Any) -> None:
    """A gap: beats that are not complete will never be."""
    s.waiting = 0


# ── When beats have their names ───────────────────────────────────────────────────────────────


@njit(cache=True)
def fit(s: Any, r: float, rr: float) -> None:
    """The beat at `r`, `rr` seconds after the one before, is to be kept."""
    if s.fits == QUEUE:
        _drop(s)
    s.fit[s.fits] = r
    s.fit_rr[s.fits] = rr
    s.fits += 1


@njit(cache=True)
def keep(s: Any, r: float, beat: Any) -> None:
    """Take the cut of the beat at `r` if it is one to be kept."""
    while s.fits > 0 and s.fit[0] < r:
        _drop(s)
    if s.fits == 0 or s.fit[0] != r:
        return
    place = s.kept % BEATS
    s.at[place] = r
    s.rr[place] = s.fit_rr[0]
    s.beat[place, :] = beat
    s.kept += 1
    _drop(s)


@njit(cache=True)
def _drop(s: Any) -> None:
    s.fits -= 1
    for k in range(s.fits):
        s.fit[k] = s.fit[k + 1]
        s.fit_rr[k] = s.fit_rr[k + 1]


# ── Each second ───────────────────────────────────────────────────────────────────────────────


@njit(cache=True)
def unknown(out: Any) -> None:
    """Write into a record of MEASURE that nothing is known."""
    out.qrs = out.qt = out.bazett = out.fridericia = np.nan
    out.confidence = 0.0


@njit(cache=True)
def measure(s: Any, n: int, out: Any) -> None:
    """Write the intervals as of grid sample `n` into a record of MEASURE."""
    unknown(out)
    chosen = np.empty(BEATS, np.int64)
    count, rr = _choose(s, n, chosen)
    if count < LEAST:
        return
    beat = np.empty(LENGTH)
    noise, tail_noise = _median(s, chosen[:count], beat)
    first, last = edges(beat[:HEAD], noise / math.sqrt(count))
    if first < 0 or not QRS_MS[0] <= head_ms(last) - head_ms(first) <= QRS_MS[1]:
        return
    tail = np.empty(TAIL)
    restore(beat, first, tail)
    done, height = end(tail, head_ms(first), head_ms(last), 1000.0 * rr - PR_MS)
    sure = min(height / (CLEAR * max(tail_noise, 1.0)), 1.0) * count / BEATS
    qt = done - head_ms(first)
    if not (QT_MS[0] <= qt <= QT_MS[1]) or sure < ENOUGH:  # NaN is not within either
        return
    out.qrs = head_ms(last) - head_ms(first)
    out.qt = qt
    out.bazett = qt / math.sqrt(rr)
    out.fridericia = qt / rr ** (1.0 / 3.0)
    out.confidence = sure


@njit(cache=True)
def _choose(s: Any, n: int, chosen: Any) -> tuple[int, float]:
    """Places of the beats of the last 10 s and their mean RR; none where it is uneven."""
    count = 0
    total, least, most = 0.0, np.inf, 0.0
    for k in range(min(s.kept, BEATS)):
        if s.at[k] > n - SECONDS * RATE:
            chosen[count] = k
            count += 1
            total += s.rr[k]
            least, most = min(least, s.rr[k]), max(most, s.rr[k])
    if count == 0 or most - least > UNEVEN * total / count:
        return 0, 0.0
    return count, total / count


@njit(cache=True)
def _median(s: Any, chosen: Any, out: Any) -> tuple[float, float]:
    """The median beat, and the standard deviation of noise in one beat: in QRS part and tail.

    Noise is what changes from one place to the next: a beat that drifts away from the median as a
    whole costs the T wave's end nothing.
    """
    count = len(chosen)
    rank = np.full((BEATS, LENGTH), np.int16(32767))
    for k in range(count):
        rank[k] = s.beat[chosen[k]]
    for pair in SORTING:
        for i in range(LENGTH):  # inside, so that it becomes a few wide instructions
            low, high = rank[pair[0], i], rank[pair[1], i]
            rank[pair[0], i] = min(low, high)
            rank[pair[1], i] = max(low, high)
    for i in range(LENGTH):
        out[i] = 0.5 * (float(rank[(count - 1) // 2, i]) + float(rank[count // 2, i]))
    away = away_tail = 0.0
    for k in range(count):
        beat = s.beat[chosen[k]]
        for i in range(1, HEAD):
            away += abs(beat[i] - out[i] - beat[i - 1] + out[i - 1])
        for i in range(HEAD + 1, LENGTH):
            away_tail += abs(beat[i] - out[i] - beat[i - 1] + out[i - 1])
    # A difference has twice the variance; the mean size of a normal one is sqrt(2 / pi) deviations.
    scale = math.sqrt(0.25 * math.pi) / count
    return scale * away / (HEAD - 1), scale * away_tail / (TAIL - 1)
