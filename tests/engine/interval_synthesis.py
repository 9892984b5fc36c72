"""Synthetic ECG whose QRS and T have known ends: compact QRS waves, a T wave with a known tangent.

A bell of a raised cosine begins and ends exactly. The tangent at the steepest fall of a Gaussian
(one σ after its centre) meets the base line two σ after the centre.
"""

import numpy as np


def bell(t, start, width, height):
    """A raised cosine from `start` to `start + width`."""
    x = (t - start) / width
    inside = (x > 0) & (x < 1)
    return np.where(inside, 0.5 * height * (1 - np.cos(2 * np.pi * x)), 0.0)


def ecg(rate, qrs, qt, seconds, *, height=250.0, rise=1.0, p_wave=True, fs=250.0):
    """Microvolts of a regular rhythm at `rate` /min; QRS and QT in seconds, T `height` µV high.

    `rise` is how much slower T rises than it falls.
    """
    t = np.arange(int(seconds * fs)) / fs
    signal = np.zeros_like(t)
    width = 0.12 * qt
    for r in np.arange(0.5, seconds, 60 / rate):
        onset = r - 0.45 * qrs
        signal += bell(t, onset, 0.30 * qrs, -120.0)
        signal += bell(t, onset + 0.15 * qrs, 0.60 * qrs, 1000.0)
        signal += bell(t, onset + 0.62 * qrs, 0.38 * qrs, -250.0)
        centre = onset + qt - 2 * width
        sigma = np.where(t < centre, rise * width, width)
        signal += height * np.exp(-0.5 * ((t - centre) / sigma) ** 2)
        if p_wave:
            signal += 120.0 * np.exp(-0.5 * ((t - onset + 0.1) / 0.022) ** 2)
    return signal


def noisy(signal, snr_db, seed=0):
    """The signal with white noise at this ratio of their variances."""
    noise = np.random.default_rng(seed).normal(0, np.std(signal), len(signal))
    return signal + noise * 10 ** (-snr_db / 20)
