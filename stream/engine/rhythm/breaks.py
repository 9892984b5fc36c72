"""What a break in the signal does to the rules of the room `rhythm`: gap, lead-off, no signal.

The interval over a break is none, candidates and runs are dropped, and silence counts anew; but over a
BRIEF gap it goes on, less the gap and what the detector needs to find its way, and so does a PAUSE.
PAUSE, NSVT, RUN_PVCS, VENT_RHYTHM, SVT, BIGEMINY and TRIGEMINY clear, since nobody can follow
them; ASYSTOLE, VFIB, VTACH, AFIB and IRREGULAR_HR stay until their own rule clears them, or until
no valid signal has come for GIVE_UP. After RESTART without signal the heart rate and the judgement
of irregularity start anew.
"""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import BRIEF, RATE
from stream.engine.rhythm.atria import calm_down
from stream.engine.rhythm.runs import end_run
from stream.engine.rhythm.silence import LEARN, silent_since
from stream.engine.rhythm.state import (
    AFIB,
    ASYSTOLE,
    BIGEMINY,
    IRREGULAR_HR,
    PAUSE,
    SVT,
    TRIGEMINY,
    VENT_RHYTHM,
    VFIB,
    VTACH,
    set_off,
)

SETTLE: Final = 2 * RATE
"""Samples after a gap in which a detector that has learned its levels finds a beat surely: it looks at 1.5 s first."""

RESTART: Final = 5 * RATE
"""Samples without signal after which intervals from before it no longer tell the rate."""

GIVE_UP: Final = 60 * RATE
"""Samples without signal after which no condition is upheld any more."""


@nb.njit(cache=True)
def pass_gap(s: Any, out: Any) -> None:
    """The horizon reaches missing samples."""
    s.gap = 0
    missing = s.gap_end - s.gap_start
    since, anew = np.int64(silent_since(s)) + missing + SETTLE, s.gap_end + LEARN
    _break(s, out)
    if missing > BRIEF:
        set_off(s, out, PAUSE, 0.0)
        since = anew
    s.since = max(s.since, min(since, anew))
    s.reliable += missing  # what is missing was no time in which none came
    if missing >= RESTART:
        _restart(s)
    if missing >= GIVE_UP:
        _give_up(s, out)


@nb.njit(cache=True)
def validity(s: Any, out: Any, valid: bool) -> None:
    """The signal of this hop can, or cannot, be believed."""
    if s.valid == 1 and not valid:
        s.lost = s.horizon
        _break(s, out)
        set_off(s, out, PAUSE, 0.0)
    elif s.valid == 0 and valid:
        s.since = s.horizon + LEARN
        if s.horizon - s.lost >= RESTART:
            _restart(s)
    s.valid = 1 if valid else 0
    if s.valid == 0 and s.horizon - s.lost >= GIVE_UP:
        _give_up(s, out)


@nb.njit(cache=True)
def _break(s: Any, out: Any) -> None:
    """The signal is interrupted: nothing spans it."""
    s.known = 0
    s.skipped = 0.0
    s.gap_rr = 0.0
    s.early_rr = 0.0
    s.since_v = 0
    s.cycles[:] = 0
    s.narrow = 0
    s.normals = 0
    end_run(s, out)
    for kind in (VENT_RHYTHM, SVT, BIGEMINY, TRIGEMINY):
        set_off(s, out, kind, 0.0)


@nb.njit(cache=True)
def _restart(s: Any) -> None:
    """So much is missing that rate and irregularity are judged from what comes now."""
    s.rr_count = 0
    s.nn_count = 0
    calm_down(s)


@nb.njit(cache=True)
def _give_up(s: Any, out: Any) -> None:
    for kind in (ASYSTOLE, VFIB, VTACH, AFIB, IRREGULAR_HR):
        set_off(s, out, kind, 0.0)
