"""The signal rooms joined, sample by sample: clean → quality, fibrillation, detect → segment → wide, intervals.

One compiled loop takes any number of raw samples of any number of leads, of any patients. Every lead is
advanced alone, one sample after another, so that neither the sizes of blocks nor the company of
other patients can change a result; what leaves the loop are beats with the classifier's inputs,
`WAVE_OUT` for each beat once its T wave is over, and one `HOP_OUT` for each whole hop of the
patient's own sample index. Which lead is heard is decided later (`heard`).
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg import shape
from ecg.types import BRIEF, HOP
from ecg.window import CONTEXT_NAMES, LENGTH
from stream.engine import clean, detect, fibrillation, intervals, quality, segment, wide

ALIKE: Final = CONTEXT_NAMES.index("corr_previous")
USUAL: Final = CONTEXT_NAMES.index("corr_dominant")
SHAPE: Final = CONTEXT_NAMES.index("corr_best")
LAG: Final = CONTEXT_NAMES.index("lag_dominant")
"""Where the context tells how a beat looks."""

BEAT_OUT = np.dtype(
    [
        ("place", "i8"),  # of the patient in the call
        ("lead", "i8"),  # 0 or 1
        ("row", "i8"),  # of the lead
        ("ready", "i8"),  # grid samples consumed when the beat was complete
        ("window", "i8"),  # place of its window and context in the call
        ("sample", "f8"),  # R on the 250 Hz grid
        ("rr", "f8"),  # seconds since the beat before, 0 where unknown
        ("quality", "f4"),
        ("alike", "f4"),  # correlation of the QRS with that of the beat before, -1 to 1
        ("usual", "f4"),  # with the patient's dominant shape
        ("shape", "f4"),  # with the nearest of all the patient's shapes
        ("strange", "u1"),  # wide, and unlike the dominant shape
        ("towers", "u1"),  # so much higher than that shape that it is rather motion
    ],
    align=True,
)

WAVE_OUT = np.dtype(
    [
        ("place", "i8"),  # of the patient in the call
        ("row", "i8"),  # of the lead
        ("ready", "i8"),  # grid samples consumed when the beat was complete
        ("sample", "f8"),  # R on the 250 Hz grid
        ("beat", "i2", intervals.LENGTH),
    ],
    align=True,
)

HOP_OUT = np.dtype(
    [
        ("place", "i8"),  # of the patient in the call
        ("lead", "i8"),  # 0 or 1
        ("row", "i8"),  # of the lead
        ("n", "i8"),  # grid samples consumed: a multiple of HOP
        ("origin", "i8"),  # grid sample at which the stretch began
        ("valid", "u1"),
        ("noisy", "u1"),
        ("silence", "u1"),  # what a stretch without beats is worth (quality.QUIET, LOUD, BLOCKED)
        ("fibrillation", "u1"),
        ("still", "u1"),  # hops without movement, up to this one
        ("quality", "f4"),
        ("clear", "f4"),  # level of the beats over that between them
        ("p_evidence", "f4"),  # 0 to 1, how surely P waves are there
        ("wide_rate", "f8"),  # beats per minute of the chain of wide beats that is on, or 0
        ("wide_since", "f8"),  # R of its first beat
        ("own", "i8"),  # beats in a row that are plainly the patient's own
    ],
    align=True,
)


@nb.njit(cache=True)
def advance(
    cleans: Any,
    qualities: Any,
    detects: Any,
    segments: Any,
    wides: Any,
    fibrillations: Any,
    intervals_bank: Any,
    places: Any,
    leads: Any,
    rows: Any,
    starts: Any,
    signal: Any,
    beats: Any,
    windows: Any,
    contexts: Any,
    waves: Any,
    hops: Any,
    ends: Any,
) -> None:
    """Advance `rows[k]` by the raw microvolts `signal[starts[k]:starts[k + 1]]`, for every k.

    That is lead `leads[k]` of the patient at `places[k]`. Writes beats (BEAT_OUT) with their windows
    and contexts, waves (WAVE_OUT) and hops (HOP_OUT), each row's in order of time, and where those of
    row k end into `ends[k]`. The arrays must be large enough.
    """
    grid = np.empty(3, np.float32)
    found = 0
    whole = passed = 0
    for k in range(rows.shape[0]):
        row, place, lead = rows[k], places[k], leads[k]
        c, q, d, s, f = cleans[row], qualities[row], detects[row], segments[row], fibrillations[row]
        v, w = intervals_bank[row], wides[row]
        for i in range(starts[k], starts[k + 1]):
            for g in range(clean.push(c, signal[i], grid)):
                y = grid[g]
                quality.step(q, signal[i], y)  # a rail is seen before the baseline is removed
                fibrillation.step(f, y)
                segment.step(s, y)
                if detect.step(d, y):
                    segment.add(s, d.beat, d.beat_quality)
                    intervals.expect(v, d.beat)
                found = _cut_ready(s, w, q, place, lead, row, beats, windows, contexts, found)
                while intervals.complete(v, s.count):
                    whole += _cut_wave(v, s, place, row, waves[whole])
                if s.count % HOP == 0:
                    _report(hops[passed], place, lead, row, s, w, q, f, d)
                    passed += 1
        ends[k, 0], ends[k, 1], ends[k, 2] = found, whole, passed


@nb.njit(cache=True)
def _cut_ready(
    s: Any,
    w: Any,
    q: Any,
    place: int,
    lead: int,
    row: int,
    beats: Any,
    windows: Any,
    contexts: Any,
    found: int,
) -> int:
    """Cut every beat that is complete; returns the new count of beats."""
    while segment.ready(s):
        segment.cut(s, windows[found], contexts[found])
        out = beats[found]
        out.place = place
        out.lead = lead
        out.row = row
        out.ready = s.count
        out.window = found
        out.sample = s.beat
        out.rr = s.rr
        out.quality = s.quality
        _look(s, w, windows[found], contexts[found], out)
        quality.beat(q, s.unlike)
        found += 1
    return found


@nb.njit(cache=True)
def _look(s: Any, w: Any, window: np.ndarray, context: np.ndarray, out: Any) -> None:
    """How the beat that was just cut looks beside the patient's others."""
    out.alike, out.usual, out.shape = context[ALIKE], context[USUAL], context[SHAPE]
    beat, dominant = window[:LENGTH], window[LENGTH : 2 * LENGTH]
    out.towers = shape.higher(beat, dominant) > shape.TOWERS
    unlike = shape.difference(beat, dominant, int(context[LAG]))
    wider = shape.width(beat) - shape.width(dominant)
    out.strange = wide.follow(w, s.beat, s.rr, out.alike, out.usual, unlike, wider, out.towers)


@nb.njit(cache=True)
def _cut_wave(v: Any, s: Any, place: int, row: int, out: Any) -> int:
    """Cut the oldest complete beat from the ring of `segment`; 1, or 0 where a gap is too near."""
    r = intervals.cut(v, s.ring, s.origin, out.beat)
    if r < 0.0:
        return 0
    out.place = place
    out.row = row
    out.ready = s.count
    out.sample = r
    return 1


@nb.njit(cache=True)
def _report(
    hop: Any, place: int, lead: int, row: int, s: Any, w: Any, q: Any, f: Any, d: Any
) -> None:
    """What the rhythm room may learn of one hop."""
    hop.place = place
    hop.lead = lead
    hop.row = row
    hop.n = s.count
    hop.origin = s.origin
    hop.valid = q.valid
    hop.noisy = q.noisy
    hop.silence = q.silence
    hop.fibrillation = f.vf
    hop.still = q.still
    hop.quality = q.quality
    hop.clear = d.signal / max(d.noise, 1.0)
    hop.p_evidence = s.p_typical
    hop.wide_rate = wide.rate(w, s.count)
    hop.wide_since = w.first
    hop.own = w.own


@nb.njit(cache=True)
def flush(
    qualities: Any,
    detects: Any,
    segments: Any,
    wides: Any,
    lead: int,
    row: int,
    beats: Any,
    windows: Any,
    contexts: Any,
    found: int,
) -> int:
    """Before a hole: decide and cut the beats that still wait, with what has arrived, after `found` others.

    Returns how many there are then; their place is 0. `restart` must follow before more samples do.
    """
    d, s = detects[row], segments[row]
    while detect.conclude(d):
        segment.add(s, d.beat, d.beat_quality)
    segment.finish(s)
    return int(
        _cut_ready(s, wides[row], qualities[row], 0, lead, row, beats, windows, contexts, found)
    )


@nb.njit(cache=True)
def restart(
    cleans: Any,
    qualities: Any,
    detects: Any,
    segments: Any,
    wides: Any,
    fibrillations: Any,
    intervals_bank: Any,
    row: int,
    device_index: int,
) -> int:
    """After a hole: what was learned stays, the signal is forgotten; returns the grid index."""
    before = cleans[row].n
    clean.restart(cleans[row], device_index)
    n = cleans[row].n
    detect.restart(detects[row], n)
    segment.restart(segments[row], n)
    wide.restart(wides[row])
    if n - before > BRIEF:  # both judge a window of the last seconds: it begins anew
        quality.init(qualities[row])
        fibrillation.init(fibrillations[row])
    intervals.restart(intervals_bank[row])
    return int(n)


@nb.njit(cache=True)
def init(
    cleans: Any,
    qualities: Any,
    detects: Any,
    segments: Any,
    wides: Any,
    fibrillations: Any,
    intervals_bank: Any,
    row: int,
    rate: float,
) -> None:
    """Make the all-zero `row` ready for the first sample of a session at `rate` Hz."""
    clean.init(cleans[row], rate)
    quality.init(qualities[row])
    detect.init(detects[row])
    segment.init(segments[row])
    wide.restart(wides[row])
    fibrillation.init(fibrillations[row])
    intervals.restart(intervals_bank[row])
