"""Room `rhythm`: classified beats and verdicts on the waveform in, conditions and vitals out.

A pure scalar state machine of one patient. Its clock is the *horizon*: every beat with R before it
is known. `beat` takes beats in time order (also some at or after the horizon: they wait), `gap`
tells of missing samples, `advance` moves the horizon by a hop and writes what was set, cleared or
happened once; `vitals` reads the numbers. The order of the rules stands in `_beat` and `_time`;
what a rule is stands in the siblings `silence`, `runs`, `singles`,
`atria`, `rate`; thresholds and their sources are the constants there (ALARMS.md).
What gaps and lead-off do: `breaks`.
"""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb

from ecg.types import RATE
from stream.engine.rhythm.atria import irregular_time, push_nn, smooth_p
from stream.engine.rhythm.breaks import GIVE_UP, pass_gap, validity
from stream.engine.rhythm.noise import POOR, noise_time, note_noise, reliable_beat
from stream.engine.rhythm.rate import count_v, push_rr, turn_seconds
from stream.engine.rhythm.runs import (
    end_run,
    in_run,
    other_beat,
    patterns,
    supraventricular,
    ventricular_beat,
)
from stream.engine.rhythm.settle import SETTLED, settle, unsettle
from stream.engine.rhythm.silence import LEARN, fibrillation_time, silence_beat, silence_time
from stream.engine.rhythm.singles import single_intervals
from stream.engine.rhythm.state import (
    LABEL_Q,
    LABEL_V,
    QUEUE,
)

QUALITY_BEATS: Final = 8.0
"""Beats that the quality of the vitals is smoothed over."""

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


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Nothing to do, all zero is a fresh state: for the sake of the rooms' common shape."""
    s.begun = 0


@nb.njit(cache=True)
def beat(s: Any, sample: float, label: int, confidence: float, quality: float) -> int:
    """Take the next beat: R sample, index into `ecg.types.CLASSES`, confidence and quality 0..1.

    Q with confidence 0 when the model failed: rate and asystole go on.

    Returns:
        Its label among the beats before it: V for one of a run that was doubted.
    """
    if s.waiting >= QUEUE:
        _shift(s)
    place = s.waiting
    told = settle(s, sample, label, place)
    s.ventricular = 0.0
    if told != label:
        confidence = max(confidence, SETTLED)
    s.wait_at[place] = sample
    s.wait_label[place] = told if quality >= POOR else LABEL_Q
    s.wait_confidence[place] = confidence if quality >= POOR else 0.0
    s.wait_quality[place] = quality
    s.waiting += 1
    return int(told)


@nb.njit(cache=True)
def look(
    s: Any, alike: float, usual: float, strange: bool, towers: bool, ventricular: float
) -> None:
    """Say before `beat` how it looks; who says nothing, says that it looks like none.

    Args:
        s: a record of STATE.
        alike: correlation of its QRS with that of the beat before, -1 to 1.
        usual: the same with the patient's dominant shape.
        strange: it is wide, and unlike that shape.
        towers: it is so much higher than that shape that it is rather motion than a beat.
        ventricular: the classifier's probability of V.
    """
    place = min(s.waiting, QUEUE - 1)
    s.wait_alike[place] = alike
    s.wait_usual[place] = usual
    s.wait_strange[place] = 1 if strange else 0
    s.wait_towers[place] = 1 if towers else 0
    s.ventricular = ventricular


@nb.njit(cache=True)
def gap(s: Any, start: int, end: int) -> None:
    """Samples `start` … `end` are missing; takes effect when the horizon passes `start`."""
    unsettle(s)
    s.gap_start = min(start, s.gap_start) if s.gap == 1 else start
    s.gap_end = max(end, s.gap_end) if s.gap == 1 else end
    s.gap = 1


@nb.njit(cache=True)
def noise(s: Any, noisy: bool, silence: int) -> None:
    """Say before `advance` whether beats cannot be told from noise in this hop (a level).

    Args:
        s: a record of STATE.
        noisy: they cannot.
        silence: what a stretch without beats is worth: QUIET, LOUD or BLOCKED.
    """
    note_noise(s, noisy, silence)


@nb.njit(cache=True)
def wide(s: Any, since: float, rate: float) -> None:
    """Say before `advance` whether a chain of wide beats is on in this hop (a level).

    Args:
        s: a record of STATE.
        since: R of its first beat.
        rate: beats per minute of the chain, 0 when there is none.
    """
    s.wide_since = since
    s.wide_rate = rate


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
    s.atria_until = horizon
    s.fibrillated = horizon - GIVE_UP
    s.nn_share = 1.0
    s.reliable = horizon


@nb.njit(cache=True)
def _beat(s: Any, out: Any) -> None:
    """All rules for the first waiting beat, in this order."""
    at = s.wait_at[0]
    confidence = s.wait_confidence[0]
    if s.valid == 0:
        return
    rr = (at - s.last) / RATE if s.known == 1 else 0.0
    label = in_run(s, rr)
    if label != s.wait_label[0]:
        confidence = max(confidence, SETTLED)
    reliable_beat(s, out, s.wait_quality[0])
    silence_beat(s, out, at)
    if rr > 0.0:
        push_rr(s, rr, label != LABEL_V and s.wait_strange[0] == 1, s.wait_quality[0])
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
    s.likeness += (s.wait_alike[0] - s.likeness) / QUALITY_BEATS
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
        s.wait_alike[place] = s.wait_alike[place + 1]
        s.wait_usual[place] = s.wait_usual[place + 1]
        s.wait_strange[place] = s.wait_strange[place + 1]
        s.wait_towers[place] = s.wait_towers[place + 1]
    s.waiting -= 1
    s.wait_alike[s.waiting] = 0.0
    s.wait_usual[s.waiting] = 1.0
    s.wait_strange[s.waiting] = 0
    s.wait_towers[s.waiting] = 0
