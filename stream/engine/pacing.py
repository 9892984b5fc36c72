"""Part of the room `arrive`: where the device marked a pacemaker's spike, the sample before it is held.

A spike of 0.5 to 2 ms leaves a device's filters as a bump of some 20 ms, as high as a QRS, and a heart that does not
answer would have a rate. Devices that mark spikes blank them as well, or leave it to who analyses; of a captured
beat no more than the first 28 ms go, before its QRS has begun. What is stored and shown stays as it came.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLANK_SECONDS: Final = 0.028
"""After a filter of second order at 40 Hz, the lowest of a monitor, a hundredth of a spike is left then."""

Floats = NDArray[np.float32]


def blanked(
    signals: list[Floats], first: int, spans: Iterable[tuple[int, int]], before: tuple[float, ...]
) -> list[Floats]:
    """The signals with the last sample before each span held through it.

    Args:
        signals: of each lead, from sample `first` on.
        first: device index.
        spans: of samples that are blanked, from and to; they may begin earlier and end later.
        before: of each lead the sample before `first`; empty where there is none.
    """
    kept = np.ones(len(signals[0]), bool)
    for start, stop in spans:
        kept[max(start - first, 0) : max(stop - first, 0)] = False
    if kept.all():
        return signals
    place = np.maximum.accumulate(np.where(kept, np.arange(len(kept)), -1))
    held = before or tuple(float(signal[0]) for signal in signals)
    return [
        np.where(place < 0, np.float32(value), signal[place])
        for signal, value in zip(signals, held, strict=True)
    ]
