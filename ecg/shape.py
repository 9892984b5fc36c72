"""Measures of a beat's shape that the engine's alarms and the classifier's input share.

Kernels (numba); shapes are (LENGTH,) microvolts at WINDOW_RATE, as in `ecg.window`.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from ecg.window import QRS, WINDOW_RATE

LEAST_HEIGHT: Final = 50.0
"""Microvolts that a QRS is taken to have at least, so that silence differs from nothing."""

EDGE: Final = 4
"""Samples at the end of a window that are not compared: a beat may lie so much later than its shape."""

TOWERS: Final = 3.5
"""What is more than so many times as high as the patient's usual QRS is rather motion of an electrode than a beat: of
11,358 ventricular beats of DS1 and svdb 5 are so high."""


@njit(cache=True)
def width(shape: np.ndarray) -> float:
    """Standard deviation in ms of where the QRS has its squared slope: 15 if narrow, 30 if wide."""
    total = first = second = 0.0
    for k in range(QRS[0], QRS[1]):
        slope = shape[k + 1] - shape[k]
        energy = slope * slope
        total += energy
        first += energy * k
        second += energy * k * k
    if total < 1.0:
        return 0.0
    centre = first / total
    return 1000.0 / WINDOW_RATE * math.sqrt(max(second / total - centre * centre, 0.0))


@njit(cache=True)
def height(shape: np.ndarray) -> float:
    """Highest minus lowest point of the QRS (uV), LEAST_HEIGHT at least."""
    low = high = shape[QRS[0]]
    for k in range(QRS[0], QRS[1]):
        low, high = min(low, shape[k]), max(high, shape[k])
    return float(max(high - low, LEAST_HEIGHT))


@njit(cache=True)
def departure(beat: np.ndarray, shape: np.ndarray, start: int, stop: int, lag: int) -> float:
    """RMS difference (uV) of beat[start + lag : stop + lag] and shape[start:stop]."""
    total = 0.0
    for k in range(start, stop):
        d = beat[k + lag] - shape[k]
        total += d * d
    return math.sqrt(total / (stop - start))


@njit(cache=True)
def difference(beat: np.ndarray, shape: np.ndarray, lag: int) -> float:
    """RMS difference of the QRS of `beat`, shifted by `lag`, and `shape`, over the height of `shape`."""
    rms = departure(beat, shape, QRS[0], QRS[1], lag)
    return float(rms / height(shape))


@njit(cache=True)
def higher(beat: np.ndarray, shape: np.ndarray) -> float:
    """Height of the QRS of `beat` over that of `shape`."""
    return float(height(beat) / height(shape))
