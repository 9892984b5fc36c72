"""What noise does to the rules of the room `rhythm`: only what is lethal is set in it.

The room `quality` says in which hops beats cannot be told from noise. Then ARTIFACT is set, and no
condition but ASYSTOLE, VFIB and VTACH; what was set before stays until its own rule clears it.
When noise, lead-off, an unusable signal, one in which beats seem lost, or one too full of holes to tell an arrest leaves
no reliable beat for 20 s, CANNOT_ANALYZE is set, until the next reliable beat.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE
from stream.engine.rhythm.rate import forget_rate, regular
from stream.engine.rhythm.state import ARTIFACT, ASYSTOLE, CANNOT_ANALYZE, VFIB, set_off, set_on

NO_BEAT: Final = 20 * RATE
"""Samples without a reliable beat after which the ECG cannot be analysed (ALARMS.md)."""

POOR: Final = 0.25
"""Quality of a beat below which its class is not believed: it counts as Q of confidence 0."""


@nb.njit(cache=True)
def note_noise(s: Any, noisy: bool, silence: int) -> None:
    """The signal of the coming hop can, or cannot, tell beats from noise, or silence."""
    if s.noisy == 1 and not noisy:
        forget_rate(s)
    s.noisy = 1 if noisy else 0
    s.silence = silence


@nb.njit(cache=True)
def reliable_beat(s: Any, out: Any, quality: float) -> None:
    """A beat of good quality in a quiet, valid signal, or of a rhythm too even for noise."""
    if (s.noisy == 0 or regular(s)) and quality >= POOR:
        s.reliable = s.horizon
        set_off(s, out, CANNOT_ANALYZE, 0.0)


@nb.njit(cache=True)
def noise_time(s: Any, out: Any) -> None:
    """Noise is an artefact at once; too much of it, and nothing can be analysed."""
    if s.noisy == 1:
        set_on(s, out, ARTIFACT, np.float64(s.horizon), 0.0)
    else:
        set_off(s, out, ARTIFACT, 0.0)
    arrest = s.active[ASYSTOLE] == 1 or s.active[VFIB] == 1
    unclear = s.noisy == 1 or s.valid == 0 or s.silence != 0 or (s.known == 0 and not arrest)
    if unclear and s.horizon - s.reliable >= NO_BEAT:
        set_on(s, out, CANNOT_ANALYZE, np.float64(s.reliable), 0.0)
