"""What should have alarmed: episodes out of beat and rhythm annotations, with their tolerance.

Each kind has episodes that *must* be found and stretches in which an alarm *may* be right; what
lies between is within the tolerance and neither missed nor false:

- pauses: must from 2.1 s (4.2 s for asystole), may from 1.9 s (3.8 s): the two fiducials may
  each be 0.1 s (relative 5 %) off the annotation;
- rates: 5 /min around the limit (IEC 60601-2-27 allows 5 /min or 10 %), must from 5 s on;
- AFIB: `(AFIB` spans of 60 s must; an alarm is right when AFIB or flutter fills half of the
  minute before it;
- ventricular runs: rates within 5 /min of 100 /min may be called either way.

Fibrillation and unreadable stretches have no beats to judge rates by: there they may be right.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES, BeatClass
from inference.evaluation.episodes import (
    Annotated,
    Episode,
    Stretch,
    Truth,
    joined,
    touches,
    where,
)

RATE_TOLERANCE: Final = 5.0
"""/min around a limit in which a rate alarm is neither missed nor false."""

AF_WINDOW_S: Final = 60.0
"""The AFIB alarm looks at a minute (ALARMS.md)."""

LIMITS: Final = {"HR_HIGH": 120.0, "EXTREME_TACHY": 140.0, "HR_LOW": 50.0, "EXTREME_BRADY": 40.0}
"""Default limits of adults in /min (ALARMS.md)."""

_V: Final = CLASSES.index(BeatClass.V)
_NARROW: Final = (CLASSES.index(BeatClass.N), CLASSES.index(BeatClass.S))


def truths(record: Annotated) -> dict[str, Truth]:
    """Truth of every kind that the annotations can judge."""
    return {
        **_pauses(record),
        **_rates(record),
        **_ventricular(record),
        **_cycles(record),
        "AFIB": _fibrillating_atria(record),
        "SVT": _svt(record),
        "PVC_RATE": _pvc_rate(record),
    }


# --- pauses


def _pauses(record: Annotated) -> dict[str, Truth]:
    gaps = [
        (float(a), float(b))
        for a, b in pairwise(record.at.tolist())
        if not touches(record.blind, a, b)
    ]
    return {
        "PAUSE": Truth(_longer(gaps, 2.1), _loose(gaps, 1.9)),
        "ASYSTOLE": Truth(_longer(gaps, 4.2), _loose(gaps, 3.8)),
    }


def _longer(gaps: Sequence[Stretch], least: float) -> list[Episode]:
    """Counted from the last QRS, as the standard's tests do."""
    return [Episode(a, b, a) for a, b in gaps if b - a >= least]


def _loose(gaps: Sequence[Stretch], least: float) -> list[Stretch]:
    return [(a, b) for a, b in gaps if b - a >= least]


# --- rates


def heart_rate(record: Annotated, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heart rate at each of `times` (s) from the annotated beats, NaN where it cannot be told.

    Mean of the last 12 RR, of the last 4 when the last three exceed 1200 ms (ALARMS.md); NaN
    before 12 RR, and while one of them touches a blind stretch.
    """
    rr = np.diff(record.at)
    blind = [touches(record.blind, a, b) for a, b in pairwise(record.at.tolist())]
    usable = np.where(blind, np.nan, rr)
    out = np.full(len(times), np.nan)
    counts = np.searchsorted(record.at, times, side="right") - 1
    for k, count in enumerate(counts.tolist()):
        if count >= 12 and not touches(record.blind, times[k] - 1, times[k]):
            slow = (usable[count - 3 : count] > 1.2).all()
            out[k] = 60 / usable[count - (4 if slow else 12) : count].mean()
    return out


def _rates(record: Annotated) -> dict[str, Truth]:
    """What must be found lasts for seconds; an alarm is right at any instant, so from each beat on."""
    rate = heart_rate(record, np.arange(int(record.seconds) + 1.0))
    after_beat = heart_rate(record, record.at)[:-1]
    out = {}
    for kind, limit in LIMITS.items():
        sign = 1 if kind in {"HR_HIGH", "EXTREME_TACHY"} else -1
        beyond = sign * (rate - limit)
        must = [(a, b) for a, b in joined(where(beyond > RATE_TOLERANCE)) if b - a >= 5]
        may = where((beyond > -RATE_TOLERANCE) | np.isnan(rate))
        brief = sign * (after_beat - limit) > -RATE_TOLERANCE
        may += [(float(record.at[k]), float(record.at[k + 1])) for k in np.flatnonzero(brief)]
        out[kind] = Truth([Episode(a, b, a) for a, b in must], may)
    return out


# --- ventricular


def ventricular_runs(record: Annotated) -> list[NDArray[np.float64]]:
    """Times of the beats of each row of two or more V, broken by fibrillation."""
    part = np.searchsorted([a for a, _ in record.fibrillation], record.at)
    is_v = record.classes == _V
    rows, row = [], [0] if len(is_v) and is_v[0] else []
    for k in range(1, len(is_v)):
        if row and (not is_v[k] or part[k] != part[k - 1]):
            rows.append(row)
            row = []
        if is_v[k]:
            row = [*row, k]
    return [record.at[row] for row in [*rows, row] if len(row) > 1]


def _ventricular(record: Annotated) -> dict[str, Truth]:
    rows = ventricular_runs(record)
    long = [row for row in rows if len(row) >= 3]
    vf = record.fibrillation
    return {
        "V_RUN": Truth([_run(r, 3) for r in long], [(r[0], r[-1]) for r in long] + vf),
        "VTACH": Truth(
            [_run(r, 5) for r in long if len(r) >= 5 and _per_minute(r) >= 100 + RATE_TOLERANCE],
            [(r[0], r[-1]) for r in long if _fastest(r, 5) >= 100 - RATE_TOLERANCE] + vf,
        ),
        "NSVT": Truth(
            [_run(r, 3) for r in long if len(r) <= 4 and _per_minute(r) >= 100 + RATE_TOLERANCE],
            [(r[0], r[-1]) for r in long if _fastest(r, 3) >= 100 - RATE_TOLERANCE] + vf,
        ),
        "PAIR_PVCS": Truth(
            [_run(r, 2) for r in rows if len(r) == 2], [(r[0], r[-1]) for r in rows if len(r) == 2]
        ),
        "VFIB": Truth([Episode(a, b, a) for a, b in vf if b - a >= 4], vf),
    }


def _run(row: NDArray[np.float64], nth: int) -> Episode:
    return Episode(float(row[0]), float(row[-1]), float(row[nth - 1]))


def _per_minute(row: NDArray[np.float64]) -> float:
    return float(60 * (len(row) - 1) / (row[-1] - row[0]))


def _fastest(row: NDArray[np.float64], count: int) -> float:
    """Greatest mean rate of `count` successive beats of the row, 0 when it is shorter."""
    parts = [row[k : k + count] for k in range(len(row) - count + 1)]
    return max((_per_minute(part) for part in parts), default=0.0)


def _cycles(record: Annotated) -> dict[str, Truth]:
    """Bigeminy (every second beat V) and trigeminy (every third) of three cycles and more."""
    out = {}
    for kind, period, rhythm in (("BIGEMINY", 2, "B"), ("TRIGEMINY", 3, "T")):
        chains = _chains(record, period)
        spans = record.named(rhythm)
        out[kind] = Truth(
            [e for e in chains if touches(spans, e.start, e.end)],
            [(e.start, e.end) for e in chains] + spans,
        )
    return out


def _chains(record: Annotated, period: int) -> list[Episode]:
    """From the first to the last V of each stretch in which every period-th beat is V."""
    v = np.flatnonzero(record.classes == _V)
    at = record.at[v]
    regular = np.diff(v) == period
    edges = np.flatnonzero(np.diff(regular, prepend=False, append=False)).reshape(-1, 2)
    return [Episode(float(at[a]), float(at[b]), float(at[a + 2])) for a, b in edges if b - a >= 2]


def _pvc_rate(record: Annotated) -> Truth:
    """More than 10 V in the last minute; 11 and 12 are the tolerance of one beat at each end."""
    v = record.at[record.classes == _V]
    seconds = np.arange(int(record.seconds) + 1)
    count = np.searchsorted(v, seconds, side="right") - np.searchsorted(v, seconds - 60.0)
    must = [(a, b) for a, b in joined(where(count > 12)) if b - a >= 5]
    return Truth([Episode(a, b, a) for a, b in must], where(count > 8))


# --- supraventricular


def _fibrillating_atria(record: Annotated) -> Truth:
    spans = record.named("AFIB")
    seconds = np.arange(int(record.seconds) + 1, dtype=np.float64)
    covered = np.zeros(len(seconds))
    for start, end in record.named("AFIB", "AFL"):
        overlap = np.minimum(end, seconds) - np.maximum(start, seconds - AF_WINDOW_S)
        covered += np.maximum(overlap, 0)
    must = [Episode(a, b, a) for a, b in spans if b - a >= AF_WINDOW_S]
    return Truth(must, where(covered >= AF_WINDOW_S / 2))


def _svt(record: Annotated) -> Truth:
    """Five and more narrow beats in a row at 180 /min, 10 /min of tolerance."""
    narrow = np.isin(record.classes, _NARROW)
    quick = np.diff(record.at) <= 60 / 190
    rows = np.flatnonzero(
        np.diff(quick & narrow[1:] & narrow[:-1], prepend=False, append=False)
    ).reshape(-1, 2)
    must = [
        Episode(float(record.at[a]), float(record.at[b]), float(record.at[a + 4]))
        for a, b in rows
        if b - a >= 4
    ]
    five = [
        (float(record.at[k]), float(record.at[k + 4]))
        for k in range(len(record.at) - 4)
        if narrow[k : k + 5].all() and record.at[k + 4] - record.at[k] <= 4 * 60 / 170
    ]
    return Truth(must, five + record.named("SVTA"))
