"""Five band envelopes of the ECG at 125 Hz: what the QRS detector sees.

A band is a complex Gabor filter h(t) = exp(−t²/2σ²)·(cos 2πft − DC + i sin 2πft) with σ = k/(2πf),
cut at ±56 ms; its envelope |h∗x| follows a wave's size whatever its polarity. A sine of
amplitude A at the centre frequency gives an envelope of A. The short support costs the 5 Hz
band its selectivity and loses nothing: on the training records ±56 ms made fewer errors than
±96 ms, and every decision comes 40 ms sooner.
"""

from math import pi
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

RATE: Final = 125
"""Rate in Hz of the envelopes: every second sample of the grid. The errors were the same at
125 Hz and at 250, 500 and 1000."""

BANDS: Final = 5
HALF: Final = 7
"""Half support in envelope samples: 56 ms, the filters' whole delay."""

_CENTRE: Final = (5.0, 8.0, 14.0, 22.0, 38.0)
_CYCLES: Final = (1.5, 2.0, 2.5, 3.0, 3.5)


def _tables() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Even and odd halves of the filters, (BANDS, HALF + 1), scaled for the halving filter too."""
    even = np.zeros((BANDS, HALF + 1))
    odd = np.zeros((BANDS, HALF + 1))
    t = np.arange(-HALF, HALF + 1) / RATE
    for b, (f, k) in enumerate(zip(_CENTRE, _CYCLES, strict=True)):
        sigma = k / (2 * pi * f)
        bell = np.exp(-(t**2) / (2 * sigma**2)) * (np.abs(t) <= 2.8 * sigma)
        c, s = bell * np.cos(2 * pi * f * t), bell * np.sin(2 * pi * f * t)
        c -= bell * c.sum() / bell.sum()
        gain = abs(np.sum((c + 1j * s) * np.exp(-2j * pi * f * t))) / 2
        gain *= np.cos(pi * f / (2 * RATE)) ** 4
        even[b], odd[b] = c[HALF:] / gain, s[HALF:] / gain
    return even.astype(np.float32), odd.astype(np.float32)


_EVEN, _ODD = _tables()


@nb.njit(cache=True)
def halve(y: Any, n: int) -> float:
    """Binomial low-pass of the ring `y` of grid samples, centred two samples before `n`."""
    size = y.shape[0]
    ends = y[n % size] + y[(n - 4) % size]
    sides = y[(n - 1) % size] + y[(n - 3) % size]
    value: float = (ends + 4 * sides + 6 * y[(n - 2) % size]) / 16
    return value


@nb.njit(cache=True)
def envelope(x: Any, b: int) -> float:
    """Envelope of band `b` in the middle of the last 2·HALF + 1 samples `x`, in microvolts."""
    re = _EVEN[b, 0] * x[HALF]
    im = nb.float32(0.0)
    for j in range(1, HALF + 1):
        re += _EVEN[b, j] * (x[HALF + j] + x[HALF - j])
        im += _ODD[b, j] * (x[HALF + j] - x[HALF - j])
    value: float = np.sqrt(re * re + im * im)
    return value
