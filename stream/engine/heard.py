"""From what each lead gives to what is heard of each patient: `choose` at work between chain and merge.

`chain` gives beats, waves and hops of each lead; here those of the lead that is heard are copied, in
order of time. A beat that had to wait for the change to its lead (`choose`) comes at the end of the
hop in which that was decided, and without a window: its class is not asked for.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from stream.engine import choose

BEATS, WAVES, HOPS = range(3)

END: Final = 2**62

OWN: Final = 3
"""Beats in a row that are plainly the patient's own in one lead: what the other shows is no tachycardia."""


@nb.njit(cache=True)
def follow(
    choices: Any,
    patients: Any,
    places: Any,
    leads: Any,
    ends: Any,
    beats: Any,
    waves: Any,
    hops: Any,
    heard_beats: Any,
    heard_waves: Any,
    heard_hops: Any,
) -> tuple[int, int, int]:
    """Copy what is heard; returns how many beats, waves and hops.

    Args:
        choices: bank of the room `choose`.
        patients: rows of the patients in it, by place.
        places: of the patient whose lead stands at `k` in the call, ascending.
        leads: which of its leads that is, 0 or 1, ascending within a patient.
        ends: (k, 3) end of its beats, waves and hops, which follow those of k - 1.
        beats: as `chain.advance` gives them.
        waves: the same.
        hops: the same.
        heard_beats: takes copies, `choose.WAITING` more for each patient than `beats` has.
        heard_waves: takes copies.
        heard_hops: takes copies.
    """
    at = np.zeros((2, 3), np.int64)
    end = np.zeros((2, 3), np.int64)
    b = w = h = k = 0
    while k < len(places):
        at[:] = 0
        end[:] = 0
        place = places[k]
        while k < len(places) and places[k] == place:
            if k > 0:
                at[leads[k]] = ends[k - 1]
            end[leads[k]] = ends[k]
            k += 1
        s = choices[patients[place]]
        n = _next_hop(hops, at, end)
        while n < END:
            b = _pass_beats(s, beats, at, end, n, heard_beats, b)
            w = _pass_waves(s, waves, at, end, n, heard_waves, w)
            b = _pass_hop(s, hops, at, end, n, place, heard_beats, b, heard_hops, h)
            h += 1
            n = _next_hop(hops, at, end)
        b = _pass_beats(s, beats, at, end, END, heard_beats, b)
        w = _pass_waves(s, waves, at, end, END, heard_waves, w)
    return b, w, h


@nb.njit(cache=True)
def _next_hop(hops: Any, at: Any, end: Any) -> int:
    """Where the next hop of either lead ends; END when there is none."""
    n = END
    for lead in range(2):
        if at[lead, HOPS] < end[lead, HOPS]:
            n = min(n, hops[at[lead, HOPS]].n)
    return n


@nb.njit(cache=True)
def _pass_beats(s: Any, beats: Any, at: Any, end: Any, until: int, out: Any, b: int) -> int:
    """Pass what was complete by `until`, in this order, the first lead first."""
    while True:
        lead, ready = -1, until
        for k in range(1, -1, -1):
            if at[k, BEATS] < end[k, BEATS] and beats[at[k, BEATS]].ready <= ready:
                lead, ready = k, beats[at[k, BEATS]].ready
        if lead < 0:
            return b
        beat = beats[at[lead, BEATS]]
        at[lead, BEATS] += 1
        if choose.beat(s, lead, beat):
            out[b] = beat
            b += 1


@nb.njit(cache=True)
def _pass_waves(s: Any, waves: Any, at: Any, end: Any, until: int, out: Any, w: int) -> int:
    """Pass those of the lead that is heard."""
    for lead in range(2):
        while at[lead, WAVES] < end[lead, WAVES] and waves[at[lead, WAVES]].ready <= until:
            if lead == s.heard:
                out[w] = waves[at[lead, WAVES]]
                w += 1
            at[lead, WAVES] += 1
    return w


@nb.njit(cache=True)
def _pass_hop(
    s: Any, hops: Any, at: Any, end: Any, n: int, place: int, beats: Any, b: int, out: Any, h: int
) -> int:
    """Choose, and pass the hop of the lead that is heard now; returns the new count of beats."""
    for lead in range(2):
        if _shows(hops, at, end, lead, n):
            choose.see(s, lead, hops[at[lead, HOPS]])
    if choose.hop(s, n):
        for k in range(s.waiting):
            if choose.late(s, k):
                _late(beats[b], s.wait[k], place, s.heard, n)
                b += 1
        choose.settle(s)
    out[h] = hops[at[s.heard, HOPS]]
    other = 1 - s.heard
    if not _shows(hops, at, end, other, n):
        other = s.heard
    _agree(out[h], hops[at[other, HOPS]])
    _doubt(s, out[h])
    for lead in range(2):
        if _shows(hops, at, end, lead, n):
            at[lead, HOPS] += 1
    return b


@nb.njit(cache=True)
def _shows(hops: Any, at: Any, end: Any, lead: int, n: int) -> bool:
    """Whether a lead has a hop that ends at `n`: one that is off has none."""
    return bool(at[lead, HOPS] < end[lead, HOPS] and hops[at[lead, HOPS]].n == n)


@nb.njit(cache=True)
def _agree(hop: Any, other: Any) -> None:
    """A chain of wide beats counts in either lead, unless the other one shows the usual beats."""
    own = hop.wide_rate if _quiet(hop) and not _usual(other) else 0.0
    its = other.wide_rate if _quiet(other) and not _usual(hop) else 0.0
    if its > own:
        hop.wide_since = other.wide_since
    hop.wide_rate = max(own, its)


@nb.njit(cache=True)
def _quiet(hop: Any) -> bool:
    """Is what a lead shows no noise? Electrode motion makes wide beats that are alike, too."""
    return bool(hop.valid == 1 and hop.noisy == 0 and hop.n - hop.origin >= choose.LEARN)


@nb.njit(cache=True)
def _usual(hop: Any) -> bool:
    """Does a lead plainly show the patient's own beats?"""
    return bool(_quiet(hop) and hop.own >= OWN)


@nb.njit(cache=True)
def _late(out: Any, waited: Any, place: int, lead: int, n: int) -> None:
    """A beat that waited, told at grid sample `n`."""
    out.place = place
    out.lead = lead
    out.row = waited.row
    out.ready = n
    out.window = -1
    out.sample = waited.sample
    out.rr = waited.rr
    out.quality = waited.quality
    out.alike = waited.alike
    out.usual = waited.usual
    out.shape = waited.shape
    out.towers = waited.towers
    out.strange = 0  # no run of tachycardia begins with beats that nobody has named


@nb.njit(cache=True)
def _doubt(s: Any, hop: Any) -> None:
    """A lead that was changed to before it had learned says nothing yet, least of all silence."""
    if s.since > hop.origin and hop.n - hop.origin < choose.LEARN:
        hop.valid = 0
