"""A beat as the room keeps it: the QRS complex at 250 Hz, what follows it in steps of 16 ms.

`HEAD` samples run from R - 128 ms, wide enough for a bundle branch block; `TAIL` means of four
samples run from R + 80 ms to R + 588 ms, far enough for a QT of 520 ms. A T wave has nothing above
20 Hz, so the coarser steps cost it nothing. int16 microvolts keep the state small.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from ecg.types import RATE

MS: Final = 1000.0 / RATE
"""Milliseconds of a sample."""
BEFORE: Final = 32
HEAD: Final = 72
"""Samples before R, and of the QRS part in all."""
STEP: Final = 4
TAIL: Final = 32
TAIL_FROM: Final = 20
"""Samples of a mean of the tail, means, and first sample after R."""
LENGTH: Final = HEAD + TAIL
SHIFT: Final = 8
"""Samples (32 ms) by which a beat may be moved to lie on the others."""
REACH: Final = TAIL_FROM + STEP * TAIL + SHIFT
"""Samples after R until a beat is complete: 0.624 s."""
NEAR: Final = 25
"""Samples about R that decide where a beat lies: 100 ms."""


@njit(cache=True)
def centre(ring: Any, r: int) -> int:
    """Where the QRS complex at `r` has its middle: the centre of its squared slope.

    The detector's R moves by some samples along a broad complex; beats of one shape have to lie on
    one another, or their median is broader than any of them.
    """
    mask = len(ring) - 1
    total = moment = 0.0
    for k in range(-NEAR, NEAR + 1):
        i = r + k
        slope = 2.0 * (ring[(i + 2) & mask] - ring[(i - 2) & mask])
        slope += ring[(i + 1) & mask] - ring[(i - 1) & mask]
        total += slope * slope
        moment += slope * slope * k
    shift = int(np.rint(moment / max(total, 1.0)))
    return r + min(max(shift, -SHIFT), SHIFT)


@njit(cache=True)
def cut(ring: Any, r: int, out: Any) -> None:
    """Fill int16 `out` (LENGTH,) from a ring (a power of 2) that holds R - BEFORE … R + REACH.

    About its own mean: beats that stand at other levels (breathing) have the same shape.
    """
    mask = len(ring) - 1
    beat = np.empty(LENGTH)
    for k in range(HEAD):
        beat[k] = ring[(r - BEFORE + k) & mask]
    for k in range(TAIL):
        total = 0.0
        for j in range(STEP):
            total += ring[(r + TAIL_FROM + STEP * k + j) & mask]
        beat[HEAD + k] = total / STEP
    level = beat.mean()
    for k in range(LENGTH):
        out[k] = int(np.rint(min(max(beat[k] - level, -32767.0), 32767.0)))


@njit(cache=True)
def head_ms(k: float) -> float:
    """Milliseconds after R of place `k` of the head."""
    return MS * (k - BEFORE)


@njit(cache=True)
def tail_ms(k: float) -> float:
    """Milliseconds after R of place `k` of the tail: the middle of its samples."""
    return MS * (TAIL_FROM + STEP * k + 0.5 * (STEP - 1))
