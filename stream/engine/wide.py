"""Room `wide`: does a lead show a tachycardia of wide beats, whatever the classifier calls them?

The classifier judges a beat by its place among others, too, and a tachycardia that is no faster than
the rhythm before it has none that is early. This room looks at shapes alone: a beat is *strange* when its
QRS differs from the patient's dominant one and is wider; some in a row, fast and alike, are a
*chain*. It knows one lead. Which leads must show a chain is `heard`'s to say: a ventricular beat is one in
every lead, an artefact often in one.

Use `follow` for each beat, `rate` in each hop. Kernels of one lead: `s` is a record of `STATE`, all
bytes zero is a fresh one.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import TACHYCARDIA_RR

LINKS: Final = 4
"""Links of a chain that are kept: five beats have four (VTACH in ALARMS.md)."""

UNLIKE: Final = 0.17
WIDER: Final = 5.0
ALIKE: Final = 0.9
FOREIGN: Final = 0.3
MOSTLY: Final = 3
LONGEST_LINK: Final = 1.0
"""Five beats in a row whose QRS differ from the patient's dominant one by UNLIKE of its height (RMS)
and are WIDER (ms, of the standard deviation of their slopes), none later than LONGEST_LINK seconds,
at 100 /min on average, MOSTLY of the four links ALIKE the beat before, are a ventricular tachycardia
even if the classifier names none of them V: one that is no faster than the rhythm before it. Fast
ones that all correlate less than FOREIGN with the dominant shape need not resemble each other: a
polymorphic one. Chosen on DS1, svdb and both leads of cinc2015; in true chains three links of four have 0.91 and
more, or are foreign, in electrode motion at 12 dB (101, DS1) one has 0.9."""

USUAL: Final = 0.9
"""Correlation with the dominant shape from which a beat is plainly the patient's own: more than makes it join
that shape (0.85), as a fusion beat may."""

HELD: Final = 375
"""Samples (1.5 s) after its last beat in which a chain is still on: LONGEST_LINK, and the time until
the next beat is decided."""

STATE: Final = np.dtype(
    [
        ("last", "f8"),  # R of the last beat
        ("first", "f8"),  # R of the first beat of the chain
        ("chained", "i8"),  # 1 when the last beat was strange, and did not tower
        ("links", "i8"),  # such beats in a row that follow another one
        ("foreign", "i8"),  # of them the last in a row that are like no usual beat at all
        ("like", "i8", (LINKS,)),  # 1 for those that are like the beat before
        ("own", "i8"),  # beats in a row, up to the last, that are plainly the patient's own
        ("rr", "f4", (LINKS,)),
    ],
    align=True,
)


@nb.njit(cache=True)
def restart(s: Any) -> None:
    """After a gap: no chain goes across it."""
    s.links = s.foreign = s.chained = s.own = 0


@nb.njit(cache=True)
def follow(
    s: Any,
    sample: float,
    rr: float,
    alike: float,
    usual: float,
    unlike: float,
    wider: float,
    towers: bool,
) -> bool:
    """Take the next beat; True when it is strange.

    Args:
        s: a record of STATE.
        sample: R on the 250 Hz grid.
        rr: seconds since the beat before, 0 where unknown.
        alike: correlation of its QRS with that of the beat before, -1 to 1.
        usual: the same with the patient's dominant shape.
        unlike: RMS difference of its QRS to that shape, over the height of that.
        wider: milliseconds by which its QRS is wider than that, as a standard deviation of its slopes.
        towers: it is so much higher than that shape (`ecg.shape.TOWERS`) that it is no evidence.
    """
    strange = unlike >= UNLIKE and wider >= WIDER
    chained = strange and not towers
    if chained and s.chained == 1 and 0.0 < rr <= LONGEST_LINK:
        _link(s, rr, alike, usual)
    else:
        s.links = s.foreign = 0
    s.own = s.own + 1 if usual >= USUAL and not strange else 0
    s.chained = 1 if chained else 0
    s.last = sample
    return bool(strange)


@nb.njit(cache=True)
def _link(s: Any, rr: float, alike: float, usual: float) -> None:
    """A strange beat after another one."""
    if s.links == 0:
        s.first = s.last
    s.foreign = s.foreign + 1 if usual < FOREIGN and rr <= TACHYCARDIA_RR else 0
    s.like[s.links % LINKS] = 1 if alike >= ALIKE else 0
    s.rr[s.links % LINKS] = rr
    s.links += 1


@nb.njit(cache=True)
def rate(s: Any, n: int) -> float:
    """Beats per minute, by its last four links, of the chain that is on at grid sample `n`; or 0."""
    if s.links < LINKS or n - s.last > HELD:
        return 0.0
    seconds = s.rr.sum() / LINKS
    chained = s.like.sum() >= MOSTLY or s.foreign >= LINKS
    return float(60.0 / seconds) if chained and seconds <= TACHYCARDIA_RR else 0.0
