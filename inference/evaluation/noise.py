"""EC57's noise stress test: noise of a known signal-to-noise ratio mixed into a clean record.

As nst(1) of the WFDB library does it: the first five minutes stay clean, then two minutes with
noise and two without take turns. The ratio compares the power of a sine as high as the QRS
complexes (peak to peak squared over eight) with the noise's mean square; both are measured as
sigamp(1) does, the largest and smallest 5 % left out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

CLEAN_S: Final = 300.0
"""Seconds at the start without noise, and without score: the detector learns."""

TURN_S: Final = 120.0
"""Seconds with noise, and then without."""

BURST_S: Final = 10.0
BURST_EVERY_S: Final = 60.0
"""Bursts: so many seconds of noise at the start of every such period."""

MEASURED: Final = 300
"""QRS complexes, and seconds of noise, that are measured."""

QRS_REACH_S: Final = 0.05
"""Seconds before and after a beat in which its QRS is measured."""

TRIM: Final = 0.05
"""Share of the measurements left out at each end."""

Floats = NDArray[np.float64]


def qrs_height(signal: Floats, beats: NDArray[np.int64], rate: float) -> float:
    """Mean peak-to-peak amplitude of the QRS complexes, in the signal's unit.

    Args:
        signal: shape (n,).
        beats: samples of the annotated beats.
        rate: Hz.

    Raises:
        ValueError: no beat lies within the signal.
    """
    reach = round(QRS_REACH_S * rate)
    inside = beats[(beats >= reach) & (beats < len(signal) - reach)][:MEASURED]
    if not len(inside):
        raise ValueError("no beat lies within the signal")
    return _trimmed(np.array([np.ptp(signal[at - reach : at + reach + 1]) for at in inside]))


def noise_level(noise: Floats, rate: float) -> float:
    """Mean root-mean-square of seconds about their own mean, in the noise's unit."""
    size = round(rate)
    seconds = noise[: len(noise) // size * size].reshape(-1, size)[:MEASURED]
    return _trimmed(seconds.std(axis=1))


def _trimmed(values: Floats) -> float:
    ordered = np.sort(values)
    drop = int(TRIM * len(ordered))
    return float(ordered[drop : len(ordered) - drop].mean())


def gain(height: float, level: float, snr_db: float) -> float:
    """Factor of the noise for a ratio in dB: 10 log10(height² / 8 / (gain · level)²)."""
    return float(height / np.sqrt(8) / level / 10 ** (snr_db / 20))


def turns(samples: int, rate: float, *, bursts: bool = False) -> NDArray[np.bool_]:
    """Where the noise goes, shape (samples,): in turns of two minutes, or in bursts."""
    seconds = np.arange(samples) / rate - CLEAN_S
    noisy, period = (BURST_S, BURST_EVERY_S) if bursts else (TURN_S, 2 * TURN_S)
    where: NDArray[np.bool_] = (seconds >= 0) & (seconds % period < noisy)
    return where


def mixed(signal: Floats, noise: Floats, factor: float, where: NDArray[np.bool_]) -> Floats:
    """The signal with `factor` times the noise where it goes; a short noise begins anew."""
    added = np.resize(noise, len(signal))
    return signal + factor * np.where(where, added, 0.0)
