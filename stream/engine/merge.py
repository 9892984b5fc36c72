"""After classification: each row's beats and hops, merged in order of time, go to the rhythm room.

A beat is complete at most 0.45 s after R. So when a hop ends, every beat before the *horizon*,
`LATENCY` samples ago, is known, and the rhythm room may speak about everything up to there.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import HOP, RATE
from stream.engine import rhythm

LATENCY: Final = 113
"""0.45 s in grid samples, rounded up: no beat is complete later than that after R."""

VITALS_EVERY: Final = RATE
"""Grid samples between two reports of the vital signs: 1 Hz."""

BEAT, CHANGE, VITALS = 0, 1, 2

ITEM = np.dtype([("what", "i8"), ("index", "i8"), ("place", "i8"), ("n", "i8")], align=True)
"""One line of the report: BEAT, CHANGE or VITALS, its index, its stream's place, when."""


@nb.njit(cache=True)
def judge(
    rhythms: Any,
    beats: Any,
    labels: Any,
    confidences: Any,
    ventricular: Any,
    hops: Any,
    changes: Any,
    vitals: Any,
    items: Any,
) -> tuple[int, int, int]:
    """Feed classified `beats` and `hops` of one `chain.advance` to the rhythm room.

    Both are grouped by row in the same order of rows, and ordered in time within a row. Returns
    how many changes, vitals and items were written.
    """
    b = counts_c = counts_v = counts_i = 0
    for h in range(hops.shape[0]):
        hop = hops[h]
        s = rhythms[hop.row]
        while b < beats.shape[0] and beats[b].place < hop.place:
            counts_i = _beat(rhythms, beats, labels, confidences, ventricular, items, b, counts_i)
            b += 1
        while b < beats.shape[0] and beats[b].place == hop.place and beats[b].ready <= hop.n:
            counts_i = _beat(rhythms, beats, labels, confidences, ventricular, items, b, counts_i)
            b += 1
        rhythm.noise(s, hop.noisy == 1, hop.silence)
        new = rhythm.advance(
            s,
            hop.n - LATENCY,
            hop.valid == 1,
            hop.fibrillation == 1,
            hop.p_evidence,
            changes[counts_c:],
        )
        for k in range(new):
            _item(items[counts_i], CHANGE, counts_c + k, hop.place, hop.n)
            counts_i += 1
        counts_c += new
        if hop.n % VITALS_EVERY == 0:
            rhythm.vitals(s, vitals[counts_v])
            vitals[counts_v].quality = hop.quality
            _item(items[counts_i], VITALS, counts_v, hop.place, hop.n)
            counts_i += 1
            counts_v += 1
    while b < beats.shape[0]:
        counts_i = _beat(rhythms, beats, labels, confidences, ventricular, items, b, counts_i)
        b += 1
    return counts_c, counts_v, counts_i


@nb.njit(cache=True)
def _beat(
    rhythms: Any,
    beats: Any,
    labels: Any,
    confidences: Any,
    ventricular: Any,
    items: Any,
    b: int,
    count: int,
) -> int:
    """Feed beat `b` and list it; returns the new count of items."""
    beat = beats[b]
    s = rhythms[beat.row]
    rhythm.look(s, beat.alike, beat.usual, ventricular[b])
    rhythm.beat(s, beat.sample, labels[b], confidences[b], beat.quality)
    _item(items[count], BEAT, b, beat.place, beat.ready)
    return count + 1


@nb.njit(cache=True)
def _item(item: Any, what: int, index: int, place: int, n: int) -> None:
    item.what = what
    item.index = index
    item.place = place
    item.n = n


assert VITALS_EVERY % HOP == 0
