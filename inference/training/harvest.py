"""Classifier inputs at our own detected beats: records streamed through the real signal rooms.

The only place in `inference` that imports the engine: a model must be trained on exactly what the
live path gives it, the detector's jitter, misses and false beats included.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ecg.types import RATE
from ecg.window import CONTEXT, WINDOW
from stream.engine import clean, detect, segment

DECIDED: Final = 90
"""Samples after R at which a given beat is known: about when the detector would."""


class Found(NamedTuple):
    """Detected beats of one record, n rows."""

    windows: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]
    at: npt.NDArray[np.float64]
    """R peak in device samples."""


@njit(cache=True)  # type: ignore[untyped-decorator]  # by version: stream.version
def _stream(
    c: Any,
    d: Any,
    s: Any,
    signal: np.ndarray,
    rate: float,
    windows: np.ndarray,
    context: np.ndarray,
    at: np.ndarray,
    given: np.ndarray,
) -> int:
    """Fill windows, context and `at`; how many. Beats are `given` (250 Hz grid) or, if none, found."""
    clean.init(c, rate)
    detect.init(d)
    segment.init(s)
    grid = np.zeros(4, np.float32)
    n = taken = 0
    for i in range(len(signal)):
        for k in range(clean.push(c, signal[i], grid)):
            segment.step(s, grid[k])
            if detect.step(d, grid[k]) and len(given) == 0:
                segment.add(s, d.beat, d.beat_quality)
            while taken < len(given) and s.count > given[taken] + DECIDED:
                segment.add(s, given[taken], d.beat_quality)
                taken += 1
            while segment.ready(s):
                segment.cut(s, windows[n], context[n])
                at[n] = s.beat
                n += 1
    return n


def harvest(
    signal: npt.NDArray[np.float64], rate: float, beats: npt.NDArray[np.float64] | None = None
) -> Found:
    """Stream `signal` (microvolts at `rate` Hz) and return the inputs at every detected beat.

    With `beats` (R in device samples, rising, 0.2 s apart) at those instead: what the detector costs.
    """
    most = int(len(signal) / rate * 5) + 8  # the detector's refractory time is 0.2 s
    windows = np.zeros((most, WINDOW), np.float32)
    context = np.zeros((most, CONTEXT), np.float32)
    at = np.zeros(most)
    rooms = [np.zeros(1, room.STATE)[0] for room in (clean, detect, segment)]
    given = np.zeros(0) if beats is None else np.asarray(beats, np.float64) * RATE / rate
    n = _stream(*rooms, signal, rate, windows, context, at, given)
    return Found(windows[:n].copy(), context[:n].copy(), at[:n] * rate / RATE)
