"""Rules that need no beat label: pause, asystole, ventricular fibrillation.

They depend on waveform and timing alone (DESIGN.md, invariant 8). Silence is counted only over
valid signal: from the last beat, or from the moment that the detector has had time to learn the
signal that began or returned, whichever is later. So missing data and lead-off are never silence.
"""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE
from stream.engine.rhythm.state import ASYSTOLE, PAUSE, VF_PAST, VFIB, set_off, set_on

PAUSE_SECONDS: Final = 2.0
ASYSTOLE_SECONDS: Final = 4.0

LEARN: Final = 3 * RATE
"""Samples after which a signal that begins or returns may be silent: the QRS detector learns its
levels from the first 2 s, and a beat must have had its chance."""

QUIET, LOUD, BLOCKED = 0, 1, 2
"""What the room `quality` says of a stretch without beats: LOUD, something as strong as a QRS
moves in it, and that is no silence (noise, or beats that the detector lost); BLOCKED, the
amplifier comes back from its rail and passes no beat yet: silence counts anew after it, as when
a lead returns."""

RECOVERY_SECONDS: Final = 3.0
"""Two beats within this time end an asystole (ALARMS.md)."""

VF_WINDOW: Final = 4 * RATE
"""Samples that the verdict of the room `fibrillation` stands for: it rises after 4 s of
fibrillatory waveform and falls after 4 s of another one, so nothing is added to it here."""

VF_BEATS: Final = 2
"""Beats since the last verdict that make a rhythm organised."""


@nb.njit(cache=True)
def silence_beat(s: Any, out: Any, at: float) -> None:
    """A beat ends the pause; the second within 3 s ends the asystole."""
    if s.known == 1:
        waited = (at - s.last) / RATE
        set_off(s, out, PAUSE, waited)
        if waited <= RECOVERY_SECONDS:
            set_off(s, out, ASYSTOLE, waited)
    else:
        set_off(s, out, PAUSE, 0.0)
    s.organised += 1


@nb.njit(cache=True)
def silence_time(s: Any, out: Any) -> None:
    """No QRS for 2 s is a pause, for 4 s an asystole, unless the heart fibrillates."""
    if s.valid == 0:
        return
    if s.silence == BLOCKED:
        s.since = max(s.since, s.horizon + LEARN)
    start = silent_since(s)
    waited = (s.horizon - start) / RATE
    if waited >= PAUSE_SECONDS:
        set_on(s, out, PAUSE, start, waited)
    quiet = s.silence == QUIET and s.horizon - s.fibrillated >= VF_PAST
    if waited >= ASYSTOLE_SECONDS and quiet:
        set_on(s, out, ASYSTOLE, start, waited)


@nb.njit(cache=True)
def silent_since(s: Any) -> float:
    """Sample from which silence counts."""
    since = np.float64(s.since)
    return float(max(s.last, since) if s.known == 1 else since)


@nb.njit(cache=True)
def fibrillation_time(s: Any, out: Any, fibrillation: bool) -> None:
    """The verdict sets VFIB at once; its end and an organised rhythm clear it."""
    if fibrillation and s.valid == 1:
        s.fibrillated = s.horizon
        s.organised = 0
        set_on(s, out, VFIB, np.float64(max(s.horizon - VF_WINDOW, 0)), 0.0)
    elif s.horizon - s.fibrillated >= VF_PAST and s.organised >= VF_BEATS:
        set_off(s, out, VFIB, 0.0)
