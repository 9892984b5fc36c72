"""Strips of 9 to 60 s with one label: AF and normal rhythm from many people, for training only.

No beat of an AF strip is S, whatever its RR: that teaches the network when irregular is not early.
A strip is looped so that the patient's own shapes and RR means are known when its beats count.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from inference import features
from inference.training.beats import STRIPS, Patient
from inference.training.harvest import harvest
from inference.training.records import read_signal

LOOPS: Final = 2
"""Times the strip is repeated: 30 s then fill the history of 32 RR twice over."""
LEARNING: Final = 10
"""Beats at the start that do not count."""


def patient(path: Path, kind: str) -> Patient | None:
    """Training rows of a strip: all N, or in AF never S; None where fewer than 12 beats are found."""
    rate, signal = read_signal(path)
    looped = loop(signal, rate, harvest(signal, rate).at)
    if looped is None:
        return None
    found = harvest(looped, rate)
    inputs = features.transform(found.windows, found.context)[LEARNING:]
    if kind == "A":
        return Patient(path.name, STRIPS, inputs[:0], np.zeros(0, np.int8), inputs)
    return Patient(path.name, STRIPS, inputs, np.zeros(len(inputs), np.int8))


def loop(
    signal: npt.NDArray[np.float64],
    rate: float,
    at: npt.NDArray[np.float64],
    copies: int = LOOPS,
) -> npt.NDArray[np.float64] | None:
    """The strip (beats `at` these samples) followed by copies of it, joined a third of an RR after a beat.

    A jump of the level at a joint dies away within 0.1 s: the baseline never steps.
    """
    if len(at) < 12:
        return None
    offset = 0.3 * np.median(np.diff(at))
    first, last = int(at[2] + offset), int(at[-2] + offset)
    if last > len(signal):
        return None
    piece = signal[first:last]
    fade = np.exp(-np.arange(len(piece)) / (0.1 * rate))
    parts = [signal[:last]]
    for _ in range(copies):
        parts.append(piece + (parts[-1][-1] - piece[0]) * fade)
    return np.concatenate(parts)
