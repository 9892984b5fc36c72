"""Beats as the segment room gets them: Gaussian QRS complexes, streamed with a latency."""

import numba as nb
import numpy as np

from ecg.types import RATE
from ecg.window import CONTEXT, CONTEXT_NAMES, WINDOW
from stream.engine import segment

LATENCY = 100
"""Samples from R to the detector's decision: its documented worst case, 0.40 s."""

AT = {name: k for k, name in enumerate(CONTEXT_NAMES)}


@nb.njit
def _run(s, signal, first, beats, latency, windows, context, out):
    """Stream samples from index `first`; row of out: beat, rr, sample at which it was cut."""
    n = waiting = 0
    for k in range(len(signal)):
        segment.step(s, signal[k])
        while waiting < len(beats) and first + k >= beats[waiting] + latency:
            segment.add(s, beats[waiting], 0.9)
            waiting += 1
        while segment.ready(s):
            segment.cut(s, windows[n], context[n])
            out[n, 0] = s.beat
            out[n, 1] = s.rr
            out[n, 2] = first + k
            n += 1
    return n


def fresh() -> np.void:
    """A new row."""
    bank = np.zeros(1, segment.STATE)
    segment.init(bank[0])
    return bank[0]


def run(s, signal, beats, first=0, latency=LATENCY):
    """Windows, contexts and (beat, rr, cut at) of all beats."""
    n = len(beats) + 8
    windows = np.full((n, WINDOW), np.nan, np.float32)
    context = np.full((n, CONTEXT), np.nan, np.float32)
    out = np.zeros((n, 3))
    m = _run(
        s,
        signal.astype(np.float32),
        first,
        np.asarray(beats, float),
        latency,
        windows,
        context,
        out,
    )
    return windows[:m], context[:m], out[:m]


def wave(times, widths, heights, seconds):
    """An ECG of Gaussian QRS complexes (s, s, µV) with a small P wave 0.16 s before each."""
    t = np.arange(int(seconds * RATE)) / RATE
    y = np.zeros_like(t)
    for at, width, height in zip(times, widths, heights, strict=True):
        y += height * np.exp(-0.5 * ((t - at) / width) ** 2)
        y += 100.0 * np.exp(-0.5 * ((t - at + 0.16) / 0.02) ** 2)
    return y


def regular(count, rr=0.8, start=1.0):
    """A regular rhythm of narrow beats: signal and R samples."""
    times = start + rr * np.arange(count)
    y = wave(times, [0.012] * count, [1000.0] * count, times[-1] + 1.0)
    return y, np.rint(times * RATE)
