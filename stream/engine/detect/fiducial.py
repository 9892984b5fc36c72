"""Where exactly the R wave (or the largest deflection) of an accepted beat lies."""

from math import exp
from typing import Any, Final

import numba as nb

BEFORE: Final = 35
AFTER: Final = 30
"""Grid samples of y around the energy peak that must be in the ring."""

_REACH: Final = 24
"""Search width in grid samples (±96 ms), weighted by a Gaussian of 60 ms."""

_WEIGHT: Final = tuple(exp(-0.5 * (k / 15.0) ** 2) for k in range(-_REACH, _REACH + 1))

_FAVOUR: Final = 0.3
"""Bonus of the polarity that the last beats had, so that an RS complex does not alternate."""


@nb.njit(cache=True)
def _mean(y: Any, at: int) -> float:
    total = 0.0
    for k in range(-BEFORE, AFTER):
        total += y[(at + k) % y.shape[0]]
    return total / (BEFORE + AFTER)


@nb.njit(cache=True)
def extremum(y: Any, at: int, polarity: float) -> tuple[int, float]:
    """Largest weighted deflection around grid index `at`: its index and its size, signed."""
    size = y.shape[0]
    mean = _mean(y, at)
    best, place, signed = -1.0, at, 0.0
    for k in range(-_REACH, _REACH + 1):
        i = at + k
        z = 0.5 * y[i % size] + 0.25 * (y[(i - 1) % size] + y[(i + 1) % size]) - mean
        v = abs(z) * _WEIGHT[k + _REACH]
        if z * polarity > 0.0:
            v *= 1.0 + _FAVOUR
        if v > best:
            best, place, signed = v, i, z
    return place, signed


@nb.njit(cache=True)
def vertex(y: Any, at: int) -> float:
    """Offset in −0.5 … 0.5 of the parabola's vertex through the three samples around `at`."""
    size = y.shape[0]
    a, b, c = y[(at - 1) % size], y[at % size], y[(at + 1) % size]
    bend = a - 2.0 * b + c
    if bend == 0.0:
        return 0.0
    offset: float = min(0.5, max(-0.5, 0.5 * (a - c) / bend))
    return offset
