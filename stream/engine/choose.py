"""Room `choose`: which of a patient's two leads is heard, hop by hop.

Every lead has its own `clean` … `intervals`, so that the one that is not heard is warm: its detector and
shapes have learned. This room lets the beats of one lead pass and holds those of the other back.

It changes over

- at once when the lead that is heard is off;
- when the lead that is heard is not valid (`quality`), but the other is;
- when the other is clearer, its beats stand twice as high over what is between them, and the one that
  is heard is noisy, or murky. `quality` weighs 4 s; this shows within a second that noise has begun,
  and a tachycardia that looks like noise does so in both leads;
- when the lead that is heard is deaf: the other, a good one, shows two beats in a row that this one
  does not, or one in which it stands still, or after a pause one of a shape that the patient has shown
  before: no lead alone says that a heart has stopped. An electrode that fell off without a flag gives a
  flat line, and so does an arrest; but in an arrest the other lead beats no more either;
- back to the first lead when none of this has spoken against that for BACK.

Only to a lead that beats, unless the one that is heard is off; and but for that a lead is heard STAY at
least. With the change the beats of the new lead pass that lie behind the last one that was heard,
`wait`ing until now: so none is lost while a lead's failure shows, and since beats of both leads that
are nearer than a refractory time are one, none is doubled. A patient with one lead is one whose
second lead is off.

Use in each hop: `beat` for what the leads have found, `see` for each lead that is on, then `hop`. Kernels
of one patient: `s` is a record of `STATE`, valid after `init`.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import HOP, RATE

GOOD, NOISY, INVALID, OFF = range(4)
"""How bad a lead is in a hop."""

STAY: Final = 2 * RATE
"""Samples that a lead is heard at least, unless it is off."""

BACK: Final = 10 * RATE
"""Samples that the first lead is good before it is heard again."""

LEARN: Final = 3 * RATE
"""Samples after which a detector that began anew has its levels."""

LIVELY: Final = 3 * RATE
"""Samples without a beat after which a lead does not beat: a heart of 20 a minute is heard where it is."""

MURKY: Final = 6.0
CLEARER: Final = 2.0
"""Ratio of a lead's beats to what is between them below which it may be left for one that has so many
times more. In em noise at -6 dB nine tenths of the time are below, of clean leads of DS1 one hundredth."""

REFRACTORY: Final = 50
"""Samples (0.2 s) within which beats of two leads are one: the detector's refractory time."""

SAME: Final = 38
"""Samples (0.15 s) between the R of one beat in two leads, the tolerance of EC57."""

KNOWN: Final = 125
"""Samples after which both leads have decided about a beat: 0.45 s, and some of SAME."""

STILL: Final = 5
"""Hops in a row without movement that are noted: longer than the line between most beats."""

AROUND: Final = 10
"""Samples (40 ms) on both sides of R in which every QRS moves."""

MISSED: Final = 2
"""Beats in a row that a deaf lead does not show, when it does not stand still in one."""

WAITING: Final = 5
"""Beats that wait: two that are missed, and those of KNOWN. With those of the old lead that rhythm has
not used yet they fit into its queue."""

PAUSE: Final = 2 * RATE
"""Samples without a beat after which one that the other lead shows is enough: ALARMS.md's pause. A lead
of high paced beats may not find the small ones that are left when the pacing fails."""

SHOWN: Final = 0.95
"""Correlation with one of the patient's shapes from which it has been shown before: beats are above, of an
artefact one lead alone could make an arrest out to be none."""

NEVER: Final = -1e9

BEAT: Final = np.dtype(
    [
        ("row", "i8"),
        ("sample", "f8"),
        ("rr", "f8"),
        ("quality", "f4"),
        ("alike", "f4"),
        ("usual", "f4"),
        ("shape", "f4"),
        ("towers", "u1"),
    ],
    align=True,
)
"""A beat that waits: as `chain` tells it, without what its class depends on."""

STATE: Final = np.dtype(
    [
        ("heard", "i8"),  # 0 or 1
        ("since", "i8"),  # of the last change
        ("good", "i8"),  # since when nothing speaks against the other lead
        ("last", "f8"),  # R of the last beat that passed
        ("other", "f8"),  # R of the last beat of the other lead
        ("shown", "i8"),  # 1 when the other lead shows the last beat too
        ("deaf", "i8"),  # beats in a row that it did not
        ("bad", "i8", (2,)),  # how bad each lead is in this hop
        ("clear", "f8", (2,)),  # level of its beats over that between them
        ("still", "i8", (2,)),  # the last stretch in which the lead that is heard stood still
        ("usable", "i8"),  # 1 while the other lead is good, beating or not
        ("waiting", "i8"),
        ("wait", BEAT, (WAITING,)),
    ],
    align=True,
)


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Make the all-zero record `s` ready: the first lead is heard."""
    s.last = NEVER
    s.bad[:] = OFF
    restart(s, 0)


@nb.njit(cache=True)
def restart(s: Any, n: int) -> None:
    """Go on at grid sample `n`, after a gap or a change: what is known of the other lead is old."""
    s.good = n
    s.other = NEVER
    s.shown = 1
    s.deaf = 0
    s.waiting = 0
    s.still[:] = 0


@nb.njit(cache=True)
def beat(s: Any, lead: int, found: Any) -> bool:
    """Take the next beat that a lead has found; True when it passes.

    Args:
        s: a record of STATE.
        lead: 0 or 1.
        found: has the fields of BEAT; those of both leads come in the order in which they are found.
    """
    if lead != s.heard:
        _hold_back(s, found)
        return False
    if found.sample < s.last + REFRACTORY:
        return False
    _listen(s, found.sample)
    return True


@nb.njit(cache=True)
def see(s: Any, lead: int, told: Any) -> None:
    """Take what a lead's rooms say of the hop (`chain.HOP_OUT`); who is not seen is off."""
    fresh = told.n - told.origin < LEARN
    s.bad[lead] = INVALID if told.valid == 0 or fresh else NOISY if told.noisy == 1 else GOOD
    s.clear[lead] = told.clear
    if lead == s.heard and told.still >= STILL:
        s.still[0], s.still[1] = told.n - told.still * HOP, told.n


@nb.njit(cache=True)
def hop(s: Any, n: int) -> bool:
    """Decide at grid sample `n`, the end of a hop, who is heard from here on; True for a change.

    Then `wait[:waiting]` pass, those for which `late` is True, and `settle` ends the change.
    """
    own, other = s.bad[s.heard], s.bad[1 - s.heard]
    s.usable = other == GOOD  # whether it beats, its next beat says
    if other != OFF and n - s.other > LIVELY:
        other = INVALID
    s.bad[:] = OFF
    if other != GOOD:
        s.good = n
        s.waiting = 0
    if not _leaves(s, n, own, other):
        return False
    s.heard = 1 - s.heard
    s.since = n
    return True


@nb.njit(cache=True)
def late(s: Any, k: int) -> bool:
    """Whether beat `k` of those that wait passes with the change."""
    if s.wait[k].sample < s.last + REFRACTORY:
        return False
    s.last = s.wait[k].sample
    return True


@nb.njit(cache=True)
def settle(s: Any) -> None:
    """The beats that waited have passed."""
    restart(s, s.since)


@nb.njit(cache=True)
def _leaves(s: Any, n: int, own: int, other: int) -> bool:
    """Whether the other lead is to be heard."""
    if own == OFF:
        return other != OFF
    mine, its = s.clear[s.heard], s.clear[1 - s.heard]
    if its < MURKY and mine >= CLEARER * its:
        s.good = n
    if n - s.since < STAY or other >= INVALID:
        return False
    if own == INVALID:
        return True
    murky = own == NOISY or mine < MURKY
    if murky and other <= own and its >= CLEARER * mine:
        return True
    if other != GOOD:
        return False
    return bool(_misses(s, n) or (s.heard == 1 and n - s.good >= BACK))


@nb.njit(cache=True)
def _misses(s: Any, n: int) -> bool:
    """Whether the lead that is heard has not shown beats that the other has."""
    count = 0
    for k in range(s.waiting):
        at = s.wait[k].sample
        if at < n - KNOWN:
            paused = at - s.last >= PAUSE and s.wait[k].shape >= SHOWN
            count += MISSED if paused or _stood_still(s, at) else 1
    return count >= MISSED


@nb.njit(cache=True)
def _stood_still(s: Any, sample: float) -> bool:
    """Whether nothing moved in the lead that is heard around this place."""
    return bool(s.still[0] <= sample - AROUND and s.still[1] >= sample + AROUND)


@nb.njit(cache=True)
def _hold_back(s: Any, found: Any) -> None:
    """A beat of the other lead waits, unless it is one that was heard already."""
    s.other = found.sample
    if abs(s.other - s.last) <= SAME:
        s.shown = 1
    if s.usable == 0 or s.other < s.last + REFRACTORY:
        return
    if s.waiting == WAITING:
        _forget(s, 1)
    place = s.wait[s.waiting]
    place.row = found.row
    place.sample = found.sample
    place.rr = found.rr
    place.quality = found.quality
    place.alike = found.alike
    place.usual = found.usual
    place.shape = found.shape
    place.towers = found.towers
    s.waiting += 1


@nb.njit(cache=True)
def _listen(s: Any, sample: float) -> None:
    """A beat passes: those of the other lead up to it wait no more."""
    s.deaf = 0 if s.shown == 1 else s.deaf + 1
    if s.deaf >= MISSED:
        s.good = np.int64(sample)
    s.shown = abs(s.other - sample) <= SAME
    s.last = sample
    done = 0
    while done < s.waiting and s.wait[done].sample < sample + REFRACTORY:
        done += 1
    _forget(s, done)


@nb.njit(cache=True)
def _forget(s: Any, count: int) -> None:
    """The oldest `count` wait no more."""
    s.waiting -= count
    for k in range(s.waiting):
        s.wait[k] = s.wait[k + count]
