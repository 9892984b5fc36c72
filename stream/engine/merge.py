"""After classification: what is heard of each patient, in order of time, goes to rhythm and intervals.

A beat is complete at most 0.45 s after R. So when a hop ends, every beat before the *horizon*,
`LATENCY` samples ago, is known, and the rhythm room may speak about everything up to there.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import CLASSES, HOP, RATE, BeatClass
from stream.engine import intervals, rhythm, wide

LATENCY: Final = 113
"""0.45 s in grid samples, rounded up: no beat is complete later than that after R."""

VITALS_EVERY: Final = RATE
"""Grid samples between two reports of the vital signs: 1 Hz."""

NORMAL: Final = CLASSES.index(BeatClass.N)
CLEAN: Final = 0.5
"""Quality of a beat from which its intervals count."""

BEAT, CHANGE, VITALS, HEART_RATE = range(4)

ITEM = np.dtype(
    [("what", "i8"), ("index", "i8"), ("place", "i8"), ("lead", "i8"), ("n", "i8")], align=True
)
"""One line of the report: BEAT, CHANGE, VITALS or HEART_RATE (of which a record of vitals holds no
more than that), its index, its stream's place and lead, when."""


@nb.njit(cache=True)
def judge(
    rhythms: Any,
    patients: Any,
    intervals_bank: Any,
    beats: Any,
    labels: Any,
    confidences: Any,
    ventricular: Any,
    waves: Any,
    hops: Any,
    changes: Any,
    vitals: Any,
    measures: Any,
    items: Any,
) -> tuple[int, int, int]:
    """Feed classified `beats`, `waves` and `hops` to rhythm and intervals.

    All are grouped by place in the same order of places, and ordered in time within one; `patients`
    has the rows of `rhythms` by place. `labels` become those under which the beats are told. Returns how
    many changes, vitals (with as many measures) and items were written.
    """
    b = w = counts_c = counts_v = counts_i = 0
    for h in range(hops.shape[0]):
        hop = hops[h]
        s = rhythms[patients[hop.place]]
        v = intervals_bank[hop.row]
        while b < beats.shape[0] and _is_before(beats[b], hop):
            own = rhythms[patients[beats[b].place]]
            _beat(own, intervals_bank, beats, labels, confidences, ventricular, b, items[counts_i])
            b += 1
            counts_i += 1
        while w < waves.shape[0] and _is_before(waves[w], hop):
            _wave(intervals_bank, waves[w])
            w += 1
        rhythm.noise(s, hop.noisy == 1, hop.silence)
        rhythm.wide(s, hop.wide_since, hop.wide_rate)
        new = rhythm.advance(
            s,
            hop.n - LATENCY,
            hop.valid == 1,
            hop.fibrillation == 1,
            hop.p_evidence,
            changes[counts_c:],
        )
        for k in range(new):
            _item(items[counts_i], CHANGE, counts_c + k, hop, hop.n)
            counts_i += 1
        counts_c += new
        if hop.n % VITALS_EVERY == 0:
            _vitals(s, v, hop, vitals[counts_v], measures[counts_v])
            _item(items[counts_i], VITALS, counts_v, hop, hop.n)
            counts_i += 1
            counts_v += 1
        elif rhythm.rate_changes(s, vitals[counts_v]):
            _item(items[counts_i], HEART_RATE, counts_v, hop, hop.n)
            counts_i += 1
            counts_v += 1
    while b < beats.shape[0]:
        own = rhythms[patients[beats[b].place]]
        _beat(own, intervals_bank, beats, labels, confidences, ventricular, b, items[counts_i])
        b += 1
        counts_i += 1
    while w < waves.shape[0]:
        _wave(intervals_bank, waves[w])
        w += 1
    return counts_c, counts_v, counts_i


@nb.njit(cache=True)
def _is_before(what: Any, hop: Any) -> bool:
    """Whether a beat or a wave was complete by the end of a hop."""
    same = what.place == hop.place and what.ready <= hop.n
    return bool(what.place < hop.place or same)


@nb.njit(cache=True)
def _beat(
    s: Any,
    intervals_bank: Any,
    beats: Any,
    labels: Any,
    confidences: Any,
    ventricular: Any,
    b: int,
    item: Any,
) -> None:
    """Feed beat `b` of the patient with the rhythm `s`; its label becomes that among the others."""
    beat = beats[b]
    strange, towers = beat.strange == 1, beat.towers == 1
    rhythm.look(s, beat.alike, beat.usual, strange, towers, ventricular[b])
    labels[b] = rhythm.beat(s, beat.sample, labels[b], confidences[b], beat.quality)
    clean = beat.usual >= wide.USUAL and beat.quality >= CLEAN
    if labels[b] == NORMAL and clean and beat.rr > 0.0:
        intervals.fit(intervals_bank[beat.row], beat.sample, beat.rr)
    _item(item, BEAT, b, beat, beat.ready)


@nb.njit(cache=True)
def _wave(intervals_bank: Any, wave: Any) -> None:
    """Feed a beat that is complete up to the end of its T wave."""
    intervals.keep(intervals_bank[wave.row], wave.sample, wave.beat)


@nb.njit(cache=True)
def _vitals(s: Any, v: Any, hop: Any, vitals: Any, measure: Any) -> None:
    """The numbers of a second; intervals only while beats of one rhythm follow one another."""
    rhythm.vitals(s, vitals)
    vitals.quality = hop.quality
    if rhythm.STEADY[vitals.rhythm] and hop.noisy == 0:
        intervals.measure(v, hop.n, measure)
    else:
        intervals.unknown(measure)


@nb.njit(cache=True)
def _item(item: Any, what: int, index: int, source: Any, n: int) -> None:
    """List what came of `source`, a beat or a hop."""
    item.what = what
    item.index = index
    item.place = source.place
    item.lead = source.lead
    item.n = n


assert VITALS_EVERY % HOP == 0
