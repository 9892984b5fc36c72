"""Rules over the classes of successive beats: ventricular runs, pairs, bigeminy, SVT.

All thresholds are those of ALARMS.md. A beat of poor quality arrives here as Q. Q is not V, so it
ends a run; but a Q of confidence 0 (the model failed) is no evidence that a tachycardia is over.
"""

from typing import Any, Final

import numba as nb

from ecg.types import RATE, TACHYCARDIA, TACHYCARDIA_RR
from stream.engine.rhythm.settle import SETTLED
from stream.engine.rhythm.state import (
    BIGEMINY,
    LABEL_N,
    LABEL_Q,
    LABEL_S,
    LABEL_V,
    NSVT,
    PAIR_PVCS,
    RUN,
    RUN_PVCS,
    SVT,
    TRIGEMINY,
    VENT_RHYTHM,
    VTACH,
    happened,
    mean_recent,
    recent,
    set_off,
    set_on,
)

FASTEST_RUN: Final = 320.0
"""Per minute: faster "beats" are noise or fibrillation, which has a detector of its own. Flutter of
up to 300 is a tachycardia of the ventricles: to miss it costs more than a burst of noise."""

ROUNDING: Final = 0.01
"""Per minute: intervals are kept in single precision, and the limit itself belongs to VTACH."""

SHORT_RUN: Final = 3
LONG_RUN: Final = 5
RHYTHM_RUN: Final = 14
OVER: Final = 3
"""Beats that are not V which end VTACH and VENT_RHYTHM, and slow intervals that end SVT."""

MIN_CONFIDENCE: Final = 0.5
"""Mean confidence of a run's last five beats below which the run is not believed."""

LIKE_BEFORE: Final = 0.8
UNUSUAL: Final = 0.7
"""Correlations of the QRS: a fast beat that looks like the V before it, and unlike the patient's
dominant shape, is V by its looks alone."""

SAME: Final = 0.9
"""Correlation with the beat before from which a fast beat carries a run of LONG_RUN on, whatever it
is called: after some twenty beats a tachycardia is the patient's usual shape, and still one."""

SOME: Final = 2
"""Of the last five beats of a run in noise so many must be SAME as the one before them. Tachycardias that
look like noise have three and more (205 and 207 of DS1), runs of em noise at 0 and -6 dB none."""

LASTING: Final = 10
"""A run most of whose beats tower over the patient's own (`shape.TOWERS`) is rather electrode motion. It must be so many
beats long: by then `quality`, which weighs 4 s, calls motion noise."""

FAST_NARROW: Final = 60.0 / 180.0
"""Seconds: mean interval at or below which five narrow beats are an SVT."""

PATTERN: Final = 3
"""Cycles that make a bigeminy or trigeminy."""

BROKEN: Final = 2
"""Cycles that end one."""


@nb.njit(cache=True)
def in_run(s: Any, rr: float) -> int:
    """The label of the first waiting beat: after a V it is V, too, when it is its fast image.

    More than `settle` says: this is for the rules alone, since nobody would call each such beat V.
    """
    label = int(s.wait_label[0])
    alike, usual = s.wait_alike[0], s.wait_usual[0]
    if s.wide_rate > 0.0 and s.wide_since <= s.wait_at[0]:
        if s.run < LONG_RUN - 1:
            _adopt_chain(s)
        return LABEL_V
    if label == LABEL_V or s.run == 0 or not 0.0 < rr <= TACHYCARDIA_RR:
        return label
    looks = alike >= LIKE_BEFORE and (usual < UNUSUAL or s.wait_strange[0] == 1)
    goes_on = s.run >= LONG_RUN and alike >= SAME
    return LABEL_V if looks or goes_on else label


@nb.njit(cache=True)
def _adopt_chain(s: Any) -> None:
    """The beats of the chain before this one become a run."""
    s.run = LONG_RUN - 1
    s.run_start = s.wide_since
    s.run_after = 1
    s.run_confidence[:] = SETTLED
    s.run_alike[:] = 1.0
    s.towering = 0
    s.others = 0


@nb.njit(cache=True)
def ventricular_beat(s: Any, out: Any, at: float, confidence: float) -> None:
    """A V beat: the run grows and is named by its length and rate."""
    if s.run == 0:
        s.run_start = at
        s.run_after = 1 if s.known == 1 else 0
        s.towering = 0
    s.run_confidence[s.run % RUN] = confidence
    s.run_alike[s.run % RUN] = s.wait_alike[0]
    s.run += 1
    s.towering += s.wait_towers[0]
    s.others = 0
    if s.run >= SHORT_RUN and mean_recent(s.run_confidence, s.run, RUN) >= MIN_CONFIDENCE:
        _name_run(s, out)


@nb.njit(cache=True)
def _name_run(s: Any, out: Any) -> None:
    rate = 60.0 / mean_recent(s.rr, s.rr_count, min(s.run, LONG_RUN) - 1)
    rate = max(rate, s.wide_rate)  # the lead that is heard may not show every beat of a chain
    if rate > FASTEST_RUN:
        return
    if rate < TACHYCARDIA - ROUNDING:
        set_on(s, out, RUN_PVCS, s.run_start, rate)
        if s.run >= RHYTHM_RUN:
            set_on(s, out, VENT_RHYTHM, s.run_start, rate)
    elif s.run >= LONG_RUN and _believed(s):
        set_on(s, out, VTACH, s.run_start, rate)
        set_off(s, out, NSVT, rate)
    elif s.active[VTACH] == 0:
        set_on(s, out, NSVT, s.run_start, rate)


@nb.njit(cache=True)
def _believed(s: Any) -> bool:
    """Is the run a heart's? Some of its last beats are alike, in noise; one that towers lasts."""
    if 2 * s.towering > s.run:
        return bool(s.run >= LASTING and s.noisy == 0)
    return bool(s.noisy == 0 or (s.run_alike >= SAME).sum() >= SOME)


@nb.njit(cache=True)
def other_beat(s: Any, out: Any, label: int, confidence: float) -> None:
    """A beat that is not V ends the run; the third in a row ends a tachycardia."""
    if s.run == 2 and s.run_after == 1:
        happened(s, out, PAIR_PVCS, s.run_start, 2.0)
    end_run(s, out)
    if label != LABEL_Q or confidence > 0.0:
        s.others += 1
    if s.others >= OVER:
        set_off(s, out, VTACH, 0.0)
        set_off(s, out, VENT_RHYTHM, 0.0)


@nb.njit(cache=True)
def end_run(s: Any, out: Any) -> None:
    """The run is over or cannot be followed: what is only a run clears."""
    set_off(s, out, NSVT, float(s.run))
    set_off(s, out, RUN_PVCS, float(s.run))
    s.run = 0


@nb.njit(cache=True)
def patterns(s: Any, out: Any, label: int) -> None:
    """NV, NV, NV is bigeminy; NNV, NNV, NNV is trigeminy (N stands for N and S)."""
    _pattern(s, out, label, 1)
    _pattern(s, out, label, 2)
    s.since_v = s.since_v + 1 if label in {LABEL_N, LABEL_S} else 0


@nb.njit(cache=True)
def _pattern(s: Any, out: Any, label: int, normals: int) -> None:
    index = normals - 1
    kind = BIGEMINY if normals == 1 else TRIGEMINY
    if label == LABEL_V and s.since_v == normals and s.cycles[index] > 0:
        s.cycles[index] += 1
        s.missed[index] = 0
        if s.cycles[index] >= PATTERN:
            set_on(s, out, kind, s.cycle_start[index], float(s.cycles[index]))
        return
    _miss(s, index, label)
    if s.missed[index] >= BROKEN * (normals + 1):
        set_off(s, out, kind, 0.0)


@nb.njit(cache=True)
def _miss(s: Any, index: int, label: int) -> None:
    """A beat that completes no cycle: a V out of place breaks one, others by their number."""
    normals = index + 1
    s.missed[index] += 1
    if label == LABEL_V:
        waited = s.missed[index] - (1 if s.since_v > 0 else 0)
        s.missed[index] = max(waited, normals + 1)
        s.cycles[index] = 1 if s.since_v >= normals else 0
        s.cycle_start[index] = s.last - index * recent(s.rr, s.rr_count, 1) * RATE
    elif label not in {LABEL_N, LABEL_S}:
        s.cycles[index] = 0


@nb.njit(cache=True)
def supraventricular(s: Any, out: Any, label: int, at: float, rr: float) -> None:
    """Five narrow beats (N or S) at 180 /min or more are an SVT; three slower intervals end it."""
    s.narrow = s.narrow + 1 if label in {LABEL_N, LABEL_S} else 0
    s.slow_rr = s.slow_rr + 1 if rr > FAST_NARROW else 0
    mean = mean_recent(s.rr, s.rr_count, LONG_RUN - 1)
    if s.narrow >= LONG_RUN and s.rr_count >= LONG_RUN - 1 and mean <= FAST_NARROW:
        set_on(s, out, SVT, at - mean * (LONG_RUN - 1) * RATE, 60.0 / mean)
    if s.slow_rr >= OVER:
        set_off(s, out, SVT, 60.0 / recent(s.rr, s.rr_count, 0) if s.rr_count > 0 else 0.0)
