"""What the room `quality` makes of a signal that repeats itself from beat to beat: it is no noise.

Tall T waves, wide beats and P waves fill the bands in which `room` looks for noise, but come with every
beat. Electrode motion, muscle and hum do not: what they add stands in the difference of a beat from
those before it (`segment` measures it: P wave to T wave, from the beat's own shape or the beat before, RMS over the
height of the usual QRS). While most beats repeat there is no noise, whatever the bands hold.
"""

from typing import Any, Final

import numba as nb

LITTLE: Final = 0.1
"""Difference below which a beat repeats: 98 % of those of twelve records of DS1, 95 % of svdb, 88 and 29 % of
those found in em noise of 12 and 6 dB (nstdb, lead 1, mixed into the twelve)."""

ENOUGH: Final = 4
"""Beats that repeat before it is believed, and what one that does not takes off."""

MOST: Final = 2 * ENOUGH
"""Counted at most: two odd beats in a row end it at once, one in five does not. So 98 % of DS1, 94 % of svdb repeat; in
em noise of 12, 6 and 0 dB 82, 4 and 0.1 %."""

RECENT: Final = 20
"""Hops after which a beat says nothing of the signal now: noise may hide the beats after it. 2 s."""


@nb.njit(cache=True)
def beat(s: Any, unlike: float) -> None:
    """Say of a beat how far it is from those before it: RMS over the height of the usual QRS, P to T wave."""
    s.repeated = min(s.repeated + 1, MOST) if unlike < LITTLE else max(s.repeated - ENOUGH, 0)
    s.unrepeated = 0


@nb.njit(cache=True)
def pass_hop(s: Any) -> None:
    """A hop has passed since the last beat."""
    s.unrepeated = min(s.unrepeated + 1, RECENT)


@nb.njit(cache=True)
def repeats(s: Any) -> bool:
    """Does the signal repeat itself from beat to beat?"""
    return bool(s.repeated >= ENOUGH and s.unrepeated < RECENT)
