"""The RR part of `segment`: ratios of this RR to the patient's past ones, and how regular those were.

The mean of the last 32 is the most useful normaliser: a median fails where premature beats are the
majority. Kernels of one row: `s` is a record of `segment.STATE`; `c` is the context of `ecg.window`,
whose first 23 entries are filled here.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from ecg.window import CONTEXT_NAMES

CALM_AT = CONTEXT_NAMES.index("rr_calm")
HISTORY = 32
"""RR intervals in the short mean: the most useful normaliser found in the feasibility study."""
LONGEST_RR = 4.0
"""Seconds: a longer RR says nothing more about prematurity and is cut here."""
SLOW, SLOWEST = 60.0, 300.0
"""Time constants (s) of the two slow RR means."""
CALM, STUBBORN = 30.0, 600.0
"""Time constants (s) of the calm RR within and outside of CALM_BAND."""
CALM_BAND = (0.82, 1.35)
"""RR over the calm RR that counts as gradual: outside it a rhythm began abruptly, or paused."""
START = 16
"""RR intervals whose plain mean starts the calm RR."""
EARLY = 0.88
"""RR over the mean of 32 below which a beat counts as early."""


@njit(cache=True)
def _recent(s: Any, back: int) -> float:
    """The RR interval `back` before this one (1 = the one before), or the slow mean."""
    if back > min(s.known, HISTORY):
        return float(s.slow)
    return float(s.rrs[(s.known - back) & (HISTORY - 1)])


@njit(cache=True)
def _sorted_history(s: Any, out: np.ndarray) -> int:
    """Insertion-sort the known RR intervals into `out`; return how many."""
    n = int(min(s.known, HISTORY))
    for i in range(n):
        value = s.rrs[i]
        k = i
        while k > 0 and out[k - 1] > value:
            out[k] = out[k - 1]
            k -= 1
        out[k] = value
    return n


@njit(cache=True)
def fill(s: Any, c: np.ndarray) -> float:
    """Context 0 to 22: RR (s) and its ratios to means of past RR; returns the mean of 32 (s)."""
    rank = np.empty(HISTORY)
    n = _sorted_history(s, rank)
    mean = np.sum(rank[:n]) / n if n > 0 else (s.rr if s.rr > 0.0 else 0.8)
    rr = min(s.rr, LONGEST_RR) if s.rr > 0.0 else mean
    s.mean = mean
    c[0] = rr
    c[1] = 1.0 if s.rr > 0.0 else 0.0
    c[2] = n / HISTORY
    c[3] = mean
    c[4] = rr / mean
    c[6] = rr / s.slow if s.known > 0 else 1.0
    c[7] = rr / s.slowest if s.known > 0 else 1.0
    c[9] = rr / _recent(s, 1) if n > 0 else 1.0
    c[10] = rr / _recent(s, 2) if n > 1 else 1.0
    c[11] = _recent(s, 1) / mean if n > 0 else 1.0
    c[12] = _recent(s, 2) / mean if n > 1 else 1.0
    c[CALM_AT] = rr / s.calm if s.known > 0 else 1.0
    c[CALM_AT + 1] = mean / s.calm if s.known > 0 else 1.0
    c[CALM_AT + 2] = s.earlies
    _ranks(rank, n, rr, mean, c)
    _variability(s, n, rr, mean, c)
    return mean


@njit(cache=True)
def _ranks(rank: np.ndarray, n: int, rr: float, mean: float, c: np.ndarray) -> None:
    """Context 5, 13 to 17, 20, 21: where this RR stands among the last 32, and their spread."""
    c[5] = c[13] = c[14] = c[15] = 1.0
    c[16] = c[17] = 0.0
    c[20] = c[21] = 0.0
    if n == 0:
        return
    c[5] = rr / rank[n // 2]
    c[13] = rr / rank[(3 * n) // 4]
    c[14] = rr / rank[n // 4]
    c[15] = rr / rank[n - 1]
    half = n - n // 2
    low = np.sum(rank[:half]) / half
    square = square_low = alike = longer = 0.0
    for k in range(n):
        square += (rank[k] - mean) ** 2
        if k < half:
            square_low += (rank[k] - low) ** 2
        alike += 1.0 if abs(rank[k] - rr) < 0.06 * rr else 0.0
        longer += 1.0 if rank[k] > 1.15 * rr else 0.0
    c[16] = math.sqrt(square / n) / mean
    c[17] = math.sqrt(square_low / half) / mean
    c[20] = alike / n
    c[21] = longer / n


@njit(cache=True)
def _variability(s: Any, n: int, rr: float, mean: float, c: np.ndarray) -> None:
    """Context 8, 18, 19, 22: mean of 8, RMS of successive differences of 32 and 8, irregularity."""
    total = square = square8 = irregular = 0.0
    m = min(n, 8)
    for back in range(1, n):
        d = _recent(s, back) - _recent(s, back + 1)
        square += d * d
        irregular += 1.0 if abs(d) > 0.1 * mean else 0.0
        if back < m:
            square8 += d * d
    for back in range(1, m + 1):
        total += _recent(s, back)
    c[8] = rr * m / total if m > 0 else 1.0
    c[18] = math.sqrt(square / (n - 1)) / mean if n > 1 else 0.0
    c[19] = math.sqrt(square8 / (m - 1)) / mean if m > 1 else 0.0
    c[22] = irregular / (n - 1) if n > 1 else 0.0


@njit(cache=True)
def learn(s: Any, rr: float) -> None:
    """Take `rr` (s) into the history of 32 and the two slow means."""
    s.rrs[s.known & (HISTORY - 1)] = rr
    mean = s.mean
    s.earlies += ((1.0 if rr < EARLY * mean else 0.0) - s.earlies) / HISTORY
    s.known += 1
    s.slow += max(1.0 / s.known, min(rr / SLOW, 1.0)) * (rr - s.slow)
    s.slowest += max(1.0 / s.known, min(rr / SLOWEST, 1.0)) * (rr - s.slowest)
    inside = CALM_BAND[0] * s.calm < rr < CALM_BAND[1] * s.calm
    share = min(rr / (CALM if inside else STUBBORN), 1.0)
    s.calm += max(1.0 / s.known if s.known <= START else 0.0, share) * (rr - s.calm)
