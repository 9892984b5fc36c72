"""Room `rhythm`: classified beats and verdicts on the waveform in, conditions and vitals out.

A pure scalar state machine of one patient. Its clock is the *horizon*: every beat with R before it
is known. `beat` takes beats in time order (also some at or after the horizon: they wait), `gap`
tells of missing samples, `advance` moves the horizon by a hop and writes what was set, cleared or
happened once; `vitals` reads the numbers. The order of the rules stands in `_beat` and `_time`;
what a rule is stands in the siblings `rhythm_silence`, `rhythm_runs`, `rhythm_irregular`,
`rhythm_rate`; thresholds and their sources are the constants there (ALARMS.md).
What gaps and lead-off do: `rhythm_breaks`.
"""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE
from stream.engine.rhythm_breaks import GIVE_UP, pass_gap, validity
from stream.engine.rhythm_irregular import (
    irregular_time,
    push_nn,
    single_intervals,
    smooth_p,
)
from stream.engine.rhythm_noise import POOR, noise_time, note_noise, reliable_beat
from stream.engine.rhythm_rate import count_v, heart_rate, push_rr, turn_seconds, v_per_minute
from stream.engine.rhythm_runs import (
    end_run,
    other_beat,
    patterns,
    supraventricular,
    ventricular_beat,
)
from stream.engine.rhythm_silence import LEARN, fibrillation_time, silence_beat, silence_time
from stream.engine.rhythm_state import (
    AFIB,
    ASYSTOLE,
    BIGEMINY,
    CHANGE,
    CLEAR,
    IRREGULAR_HR,
    KINDS,
    LABEL_Q,
    LABEL_V,
    MAX_CHANGES,
    ONCE,
    QUEUE,
    SET,
    STATE,
    SVT,
    TRIGEMINY,
    VENT_RHYTHM,
    VFIB,
    VTACH,
)

__all__ = [
    "CHANGE",
    "CLEAR",
    "KINDS",
    "MAX_CHANGES",
    "MEASURES",
    "ONCE",
    "RHYTHMS",
    "SET",
    "STATE",
    "VITALS",
    "advance",
    "beat",
    "gap",
    "init",
    "noise",
    "vitals",
]

QUALITY_BEATS: Final = 8.0
"""Beats that the quality of the vitals is smoothed over."""

RHYTHMS: Final = (
    "unknown",
    "asystole",
    "VF",
    "VT",
    "ventricular rhythm",
    "SVT",
    "AF",
    "bigeminy",
    "trigeminy",
    "irregular",
    "sinus tachycardia",
    "sinus bradycardia",
    "sinus",
)
"""Names of `VITALS.rhythm`. "Sinus" means regular and not ventricular: P waves are not proved."""

FAST: Final = 100.0
SLOW: Final = 60.0
"""Heart rates that bound the word sinus rhythm."""

MEASURES: Final = {
    "ASYSTOLE": "s",
    "PAUSE": "s",
    "MISSED_BEAT": "s",
    "R_ON_T": "s",
    "VTACH": "/min",
    "NSVT": "/min",
    "VENT_RHYTHM": "/min",
    "RUN_PVCS": "/min",
    "SVT": "/min",
}
"""Unit of `CHANGE.value` of a kind when it is set; the value of other kinds says nothing."""

VITALS: Final = np.dtype(
    [("heart_rate", "f4"), ("v_per_minute", "f4"), ("quality", "f4"), ("rhythm", "i4")],
    align=True,
)
"""Heart rate and V beats per minute (NaN: unknown), quality 0..1, index into `RHYTHMS`."""


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Nothing to do, all zero is a fresh state: for the sake of the rooms' common shape."""
    s.begun = 0


@nb.njit(cache=True)
def beat(s: Any, sample: float, label: int, confidence: float, quality: float) -> None:
    """Take the next beat: R sample, index into `ecg.types.CLASSES`, confidence and quality 0..1.

    Q with confidence 0 when the model failed: rate and asystole go on.
    """
    if s.waiting >= QUEUE:
        _shift(s)
    place = s.waiting
    s.wait_at[place] = sample
    s.wait_label[place] = label if quality >= POOR else LABEL_Q
    s.wait_confidence[place] = confidence if quality >= POOR else 0.0
    s.wait_quality[place] = quality
    s.waiting += 1


@nb.njit(cache=True)
def gap(s: Any, start: int, end: int) -> None:
    """Samples `start` … `end` are missing; takes effect when the horizon passes `start`."""
    s.gap_start = min(start, s.gap_start) if s.gap == 1 else start
    s.gap_end = max(end, s.gap_end) if s.gap == 1 else end
    s.gap = 1


@nb.njit(cache=True)
def noise(s: Any, noisy: bool) -> None:
    """Say before `advance` whether beats cannot be told from noise in this hop (a level)."""
    note_noise(s, noisy)


@nb.njit(cache=True)
def advance(
    s: Any, horizon: int, valid: bool, fibrillation: bool, p_evidence: float, out: Any
) -> int:
    """Move the horizon to `horizon`; all beats before it have been given. At most one hop.

    Args:
        s: a record of STATE.
        horizon: sample before which everything is known; it never falls.
        valid: False with the lead off or the signal unusable in this hop.
        fibrillation: the verdict of the fibrillation detector for this hop.
        p_evidence: 0..1 P waves are present, -1 unknown.
        out: at least MAX_CHANGES rows of CHANGE.

    Returns:
        How many rows of `out` were written.
    """
    s.changes = 0
    _begin(s, horizon)
    before = s.horizon
    s.horizon = horizon
    turn_seconds(s, horizon)
    while s.waiting > 0 and s.wait_at[0] < horizon:
        if s.gap == 1 and s.wait_at[0] >= s.gap_start:
            pass_gap(s, out)
        _beat(s, out)
        _shift(s)
    if s.gap == 1 and horizon > s.gap_start:
        pass_gap(s, out)
    validity(s, out, valid)
    _time(s, out, horizon - before, fibrillation, p_evidence)
    return int(s.changes)


@nb.njit(cache=True)
def _begin(s: Any, horizon: int) -> None:
    if s.begun == 1:
        return
    s.begun = 1
    s.valid = 1
    s.horizon = horizon
    s.second = horizon // RATE
    s.since = horizon + LEARN
    s.lost = horizon
    s.regular_since = horizon
    s.fibrillated = horizon - GIVE_UP
    s.nn_share = 1.0
    s.reliable = horizon


@nb.njit(cache=True)
def _beat(s: Any, out: Any) -> None:
    """All rules for the first waiting beat, in this order."""
    at = s.wait_at[0]
    label = s.wait_label[0]
    confidence = s.wait_confidence[0]
    if s.valid == 0:
        return
    rr = (at - s.last) / RATE if s.known == 1 else 0.0
    reliable_beat(s, out, s.wait_quality[0])
    silence_beat(s, out, at)
    if rr > 0.0:
        push_rr(s, rr)
    if s.rr_count == 0:
        end_run(s, out)
    if label == LABEL_V:
        ventricular_beat(s, out, at, confidence)
        count_v(s, at)
    else:
        other_beat(s, out, label, confidence)
    patterns(s, out, label)
    supraventricular(s, out, label, at, rr)
    single_intervals(s, out, label, at, rr)
    push_nn(s, label, confidence, rr)
    s.quality += (s.wait_quality[0] - s.quality) / QUALITY_BEATS
    s.known = 1
    s.last = at
    s.last_label = label
    s.last_confidence = confidence


@nb.njit(cache=True)
def _time(s: Any, out: Any, samples: int, fibrillation: bool, p_evidence: float) -> None:
    """All rules of the passing time, in this order."""
    noise_time(s, out)
    fibrillation_time(s, out, fibrillation)
    silence_time(s, out)
    smooth_p(s, p_evidence, samples)
    irregular_time(s, out)


@nb.njit(cache=True)
def _shift(s: Any) -> None:
    for place in range(s.waiting - 1):
        s.wait_at[place] = s.wait_at[place + 1]
        s.wait_label[place] = s.wait_label[place + 1]
        s.wait_confidence[place] = s.wait_confidence[place + 1]
        s.wait_quality[place] = s.wait_quality[place + 1]
    s.waiting -= 1


@nb.njit(cache=True)
def vitals(s: Any, out: Any) -> None:
    """Write the numbers at the horizon into a record of VITALS."""
    rate = heart_rate(s)
    out.heart_rate = rate
    out.v_per_minute = v_per_minute(s) if s.valid == 1 else np.nan
    out.quality = s.quality if s.valid == 1 else 0.0
    out.rhythm = _rhythm(s, rate)


@nb.njit(cache=True)
def _rhythm(s: Any, rate: float) -> int:
    """The most urgent word of RHYTHMS that fits."""
    if s.valid == 0:
        return 0
    kinds = (ASYSTOLE, VFIB, VTACH, VENT_RHYTHM, SVT, AFIB, BIGEMINY, TRIGEMINY, IRREGULAR_HR)
    for index, kind in enumerate(kinds):
        if s.active[kind] == 1:
            return index + 1
    if np.isnan(rate):
        return 0
    if rate > FAST:
        return 10
    return 11 if rate < SLOW else 12
