"""The vital signs of the room `rhythm`: its numbers, and the most urgent word for the rhythm."""

# numba kernels take their arguments by position.

from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import TACHYCARDIA
from stream.engine.rhythm.rate import heart_rate, v_per_minute
from stream.engine.rhythm.state import (
    AFIB,
    ASYSTOLE,
    BIGEMINY,
    IRREGULAR_HR,
    SVT,
    TRIGEMINY,
    VENT_RHYTHM,
    VFIB,
    VTACH,
)

RHYTHMS: Final = (
    "unknown",
    "asystole",
    "VF",
    "VT",
    "ventricular rhythm",
    "SVT",
    "AF",
    "bigeminy",
    "trigeminy",
    "irregular",
    "sinus tachycardia",
    "sinus bradycardia",
    "sinus",
)
"""Names of `VITALS.rhythm`. "Sinus" means regular and not ventricular: P waves are not proved."""

STEADY: Final = tuple(
    name in {"bigeminy", "trigeminy", "sinus tachycardia", "sinus bradycardia", "sinus"}
    for name in RHYTHMS
)
"""Whether beats of one rhythm follow one another: QT depends on the RR before, so else it is none."""

SLOW: Final = 60.0
"""Heart rate below which a sinus rhythm is a bradycardia."""

VITALS: Final = np.dtype(
    [("heart_rate", "f4"), ("v_per_minute", "f4"), ("quality", "f4"), ("rhythm", "i4")],
    align=True,
)
"""Heart rate and V beats per minute (NaN: unknown), quality 0..1, index into `RHYTHMS`."""


@nb.njit(cache=True)
def vitals(s: Any, out: Any) -> None:
    """Write the numbers at the horizon into a record of VITALS."""
    rate = heart_rate(s)
    s.told_rate = rate
    out.heart_rate = rate
    out.v_per_minute = v_per_minute(s) if s.valid == 1 else np.nan
    out.quality = s.quality if s.valid == 1 else 0.0
    out.rhythm = _rhythm(s, rate)


@nb.njit(cache=True)
def rate_changes(s: Any, out: Any) -> bool:
    """Whether the heart rate is known and not what was told last; then write it, and nothing else, into `out`."""
    rate = heart_rate(s)
    if np.isnan(rate) or rate == s.told_rate:
        return False
    s.told_rate = rate
    out.heart_rate = rate
    return True


@nb.njit(cache=True)
def _rhythm(s: Any, rate: float) -> int:
    """The most urgent word of RHYTHMS that fits."""
    if s.valid == 0:
        return 0
    kinds = (ASYSTOLE, VFIB, VTACH, VENT_RHYTHM, SVT, AFIB, BIGEMINY, TRIGEMINY, IRREGULAR_HR)
    for index, kind in enumerate(kinds):
        if s.active[kind] == 1:
            return index + 1
    if np.isnan(rate):
        return 0
    if rate > TACHYCARDIA:
        return 10
    return 11 if rate < SLOW else 12
