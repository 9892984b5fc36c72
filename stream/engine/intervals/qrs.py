"""Where a QRS complex begins and ends: where its slope has died away.

After Laguna, Jané, Caminal: Automatic detection of wave boundaries in multilead ECG signals
(Comput Biomed Res 27:45-60, 1994): from the steepest place outwards to where the slope falls below
a share of the largest one. The slope is that of Pan and Tompkins (IEEE Trans Biomed Eng
32:230-236, 1985), a derivative over five samples.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from stream.engine.intervals.beat import BEFORE, HEAD

SHARE: Final = 0.06
"""Share of the largest slope below which the complex is over: exact to 4 ms on synthesis, larger
shares cut a small Q or S off."""
NOISE: Final = 3.5
"""Noise's slope is below so many of its standard deviations."""
QUIET: Final = 4
"""Samples (16 ms) that must be quiet in a row: a turning point within the complex is shorter."""
NEAR: Final = 15
"""Samples about R among which the steepest lies."""
STEEP: Final = 0.3
"""Share of the largest slope that is certainly QRS."""
GAIN: Final = 0.32
"""Standard deviation of the slope of white noise of 1: sqrt(10) / 10."""


@njit(cache=True)
def edges(head: Any, noise: float) -> tuple[int, int]:
    """First and last place of the complex in `head` (HEAD,); (-1, -1) where none stands out.

    Args:
        head: microvolts.
        noise: standard deviation of one sample.
    """
    slope = np.zeros(HEAD)
    for k in range(2, HEAD - 2):
        slope[k] = 0.1 * abs(2.0 * (head[k + 2] - head[k - 2]) + head[k + 1] - head[k - 1])
    largest = slope[BEFORE - NEAR : BEFORE + NEAR + 1].max()
    limit = max(SHARE * largest, NOISE * GAIN * noise)
    if largest < 1.0 or limit > STEEP * largest:
        return -1, -1
    start = BEFORE
    while start > BEFORE - NEAR and slope[start] < STEEP * largest:
        start -= 1
    first = _walk(slope, start, -1, limit)
    last = _walk(slope, BEFORE + 4, 1, limit)  # past R, where the slope is none for a moment
    if first < 0 or last < 0:
        return -1, -1
    return first, last


@njit(cache=True)
def _walk(slope: Any, start: int, way: int, limit: float) -> int:
    """The outermost place that is not quiet; -1 where the beat ends before it is quiet."""
    found, quiet, k = start, 0, start
    while quiet < QUIET:
        k += way
        if k < 2 or k >= HEAD - 2:
            return -1
        if slope[k] < limit:
            quiet += 1
        else:
            quiet = 0
            found = k
    return found
