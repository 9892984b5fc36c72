"""What the room `rhythm` remembers of one patient, and how a rule sets and clears a condition.

Only the files of this folder import this file. Times inside are samples of the
250 Hz grid (`ecg.types.RATE`), intervals are seconds. All bytes zero is a valid state: nothing has
been seen yet.
"""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE

KINDS: Final = (
    "ASYSTOLE",
    "VFIB",
    "VTACH",
    "NSVT",
    "VENT_RHYTHM",
    "RUN_PVCS",
    "PAUSE",
    "SVT",
    "MISSED_BEAT",
    "PAIR_PVCS",
    "R_ON_T",
    "BIGEMINY",
    "TRIGEMINY",
    "AFIB",
    "IRREGULAR_HR",
    "ARTIFACT",
    "CANNOT_ANALYZE",
)
"""Conditions that this room knows: the index is `CHANGE.kind`."""

(
    ASYSTOLE,
    VFIB,
    VTACH,
    NSVT,
    VENT_RHYTHM,
    RUN_PVCS,
    PAUSE,
    SVT,
    MISSED_BEAT,
    PAIR_PVCS,
    R_ON_T,
    BIGEMINY,
    TRIGEMINY,
    AFIB,
    IRREGULAR_HR,
    ARTIFACT,
    CANNOT_ANALYZE,
) = range(len(KINDS))

CLEAR: Final = 0
SET: Final = 1
ONCE: Final = 2

LABEL_N, LABEL_S, LABEL_V, LABEL_F, LABEL_Q = range(5)
"""Indices into `ecg.types.CLASSES`."""

CHANGE: Final = np.dtype(
    [("kind", "i4"), ("phase", "i4"), ("onset", "i8"), ("at", "i8"), ("value", "f4")], align=True
)
"""A condition that was set, cleared or happened once, with onset, time of decision and value."""

QUEUE: Final = 8
"""Beats that may wait for the horizon: 0.45 s hold 3 at the detector's refractory time of 0.2 s, and a
change of lead brings 5 at once."""

MAX_CHANGES: Final = 12 * QUEUE + 10
"""Rows that `advance` may need: a beat makes at most 12 changes, the timers 10."""

RATE_RR: Final = 12
"""RR intervals of the heart rate (ALARMS.md)."""

NN: Final = 32
"""Intervals between beats that are not ventricular, kept to judge irregularity."""

RUN: Final = 5
"""Beats of a ventricular run whose confidence is kept: VTACH is decided at the fifth."""

VF_PAST: Final = RATE
"""Samples without a verdict of fibrillation after which silence is silence, and beats are beats."""

SECONDS: Final = 60
"""One-second buckets of the count of V beats per minute."""

STATE: Final = np.dtype(
    [
        # the signal
        ("begun", "i8"),  # 1 once the first hop has been seen
        ("since", "i8"),  # silence counts from here, or from the last beat when that is later
        ("horizon", "i8"),
        ("lost", "i8"),  # no valid signal since this sample; meaningful while `valid` is 0
        ("valid", "i8"),
        ("gap", "i8"),  # 1 while a gap waits for the horizon
        ("gap_start", "i8"),
        ("gap_end", "i8"),
        # beats at or after the horizon
        ("waiting", "i8"),
        ("wait_at", "f8", (QUEUE,)),
        ("wait_label", "i8", (QUEUE,)),
        ("wait_confidence", "f4", (QUEUE,)),
        ("wait_quality", "f4", (QUEUE,)),
        ("wait_alike", "f4", (QUEUE,)),
        ("wait_usual", "f4", (QUEUE,)),
        ("wait_strange", "u1", (QUEUE,)),
        ("wait_towers", "u1", (QUEUE,)),
        ("ventricular", "f4"),  # the probability of V of the one that comes
        ("named", "i4"),  # V beats in a row up to the last one that came
        ("newest", "f8"),  # its R
        # the last beat, and intervals
        ("known", "i8"),  # 1 when `last` is a beat of the present stretch of signal
        ("last", "f8"),
        ("last_label", "i8"),
        ("last_confidence", "f4"),
        ("quality", "f4"),
        ("rr_count", "i8"),
        ("rr", "f4", (RATE_RR,)),
        ("skipped", "f8"),  # seconds of intervals that ended at beats which do not count
        ("told_rate", "f8"),  # the last heart rate that left this room
        ("nn_count", "i8"),
        ("nn", "f4", (NN,)),
        ("nn_at", "i8"),  # horizon at the newest of them
        # ventricular runs
        ("run", "i8"),  # V beats in a row, up to the last beat
        ("towering", "i8"),  # of them that tower over the patient's own
        ("run_start", "f8"),
        ("run_after", "i8"),  # 1 when a known beat that is not V stands before the run
        ("run_confidence", "f4", (RUN,)),
        ("run_alike", "f4", (RUN,)),  # how alike its beats are the ones before
        ("nn_share", "f8"),  # share of the intervals that no V or F spoils, smoothed
        ("s_share", "f8"),  # share of the beats that are S, smoothed
        ("others", "i8"),  # beats that are not V, in a row
        ("wide_rate", "f8"),  # beats per minute of the chain of wide beats that is on, or 0
        ("wide_since", "f8"),  # R of its first beat
        # bigeminy and trigeminy
        ("since_v", "i8"),  # N or S beats since the last V, F or Q
        ("cycles", "i8", (2,)),
        ("cycle_start", "f8", (2,)),
        ("missed", "i8", (2,)),
        # narrow beats
        ("narrow", "i8"),
        ("slow_rr", "i8"),
        ("normals", "i8"),
        # candidates that the next beat decides
        ("gap_rr", "f8"),  # the average RR at a possible missed beat, or 0
        ("gap_from", "f8"),
        ("early_rr", "f8"),  # the average RR at a possible R on T, or 0
        ("early_at", "f8"),
        # irregularity
        ("irregular", "i8"),
        ("irregular_since", "i8"),
        ("regular_since", "i8"),
        ("atria", "i8"),  # 1 while the atria fibrillate, by intervals and P waves
        ("atria_since", "i8"),
        ("atria_until", "i8"),
        ("p_evidence", "f8"),  # smoothed, shifted by 1: 0 means unknown
        # fibrillation
        ("organised", "i8"),  # beats since the last fibrillating hop
        ("fibrillated", "i8"),  # the last fibrillating sample
        # noise
        ("noisy", "i8"),
        ("likeness", "f8"),  # how alike each beat is the one before it, smoothed
        ("silence", "i8"),  # what a silence is worth now (quality.QUIET, LOUD, BLOCKED)
        ("reliable", "i8"),  # the last reliable beat
        # V beats per minute
        ("second", "i8"),
        ("v_count", "u2", (SECONDS,)),
        # what is set
        ("active", "i8", (len(KINDS),)),
        ("onset", "i8", (len(KINDS),)),
        ("changes", "i8"),  # rows written in this call of `advance`
    ],
    align=True,
)
"""Everything that the room remembers of one patient; without padding, so equal states are equal
bytes."""


@nb.njit(cache=True)
def believed(s: Any, kind: int) -> bool:
    """In noise and in VF only what is lethal, and what tells of the noise, is set."""
    quiet = s.noisy == 0 and (s.active[VFIB] == 0 or s.horizon - s.fibrillated >= VF_PAST)
    return bool(quiet or kind <= VTACH or kind >= ARTIFACT)


@nb.njit(cache=True)
def happened(s: Any, out: Any, kind: int, onset: float, value: float) -> None:
    """A condition happened once."""
    if believed(s, kind):
        put(s, out, kind, ONCE, onset, value)


@nb.njit(cache=True)
def put(s: Any, out: Any, kind: int, phase: int, onset: float, value: float) -> None:
    """Append a change, decided at the horizon."""
    if s.changes >= len(out):  # cannot happen (MAX_CHANGES); compiled code would write anywhere
        return
    row = out[s.changes]
    row.kind = kind
    row.phase = phase
    row.onset = np.int64(np.round(onset))
    row.at = s.horizon
    row.value = value
    s.changes += 1


@nb.njit(cache=True)
def set_on(s: Any, out: Any, kind: int, onset: float, value: float) -> None:
    """Set a condition, unless it is set or noise forbids it."""
    if s.active[kind] == 0 and believed(s, kind):
        s.active[kind] = 1
        s.onset[kind] = np.int64(np.round(onset))
        put(s, out, kind, SET, onset, value)


@nb.njit(cache=True)
def set_off(s: Any, out: Any, kind: int, value: float) -> None:
    """Clear a condition, if it is set; the change carries the onset that it had."""
    if s.active[kind] == 1:
        s.active[kind] = 0
        put(s, out, kind, CLEAR, np.float64(s.onset[kind]), value)


@nb.njit(cache=True)
def recent(ring: Any, count: int, back: int) -> float:
    """The value pushed `back` pushes ago (0 = the newest) into a ring that has seen `count`."""
    return np.float64(ring[(count - 1 - back) % len(ring)])


@nb.njit(cache=True)
def mean_recent(ring: Any, count: int, wanted: int) -> float:
    """Mean of the newest `wanted` values of a ring, or of those there are; 0 when empty."""
    n = min(count, wanted, len(ring))
    if n == 0:
        return 0.0
    total = 0.0
    for back in range(n):
        total += recent(ring, count, back)
    return total / n
