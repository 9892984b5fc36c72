"""The pattern part of `segment`: runs of like RR and how they began, bigeminy, disorder, habits.

A beat of a sustained rhythm is not early against the beats around it: what tells a supraventricular
run from sinus rhythm is that it began at once, and in bigeminy that long and short take turns.
Kernels of one row: `s` is a record of `segment.STATE`; `c` is the context of `ecg.window`, whose
entries from `alternate` on are filled here. Past RR only; unknown RR leave everything as it was.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from ecg.window import CONTEXT_NAMES
from stream.engine.segment import intervals as iv

AT = CONTEXT_NAMES.index("alternate")
SAME = 0.12
"""Relative difference to the run's RR up to which a beat goes on with the run."""
FOLLOW = 1 / 8
"""Share of a new RR in the run's RR: a run follows gradual changes."""
LONGEST = 5.0
"""Ratios are cut here."""
TURNS = 8
"""Beats over which long and short may take turns."""
NEAR = 0.05
"""RR this close, over the mean, are alike when disorder is measured."""
HABIT = 1 / 8
"""Share of a new early beat in the patient's habit."""


@njit(cache=True)
def fill(s: Any, c: np.ndarray, rr: float, mean: float) -> None:
    """Context from `alternate` on, for a beat with this RR (s), before `learn`."""
    _turns(s, c, rr, mean)
    _disorder(s, c, rr, mean)
    beats, before, onset, _ = _run(s, rr, mean)
    c[AT + 5] = math.log(1.0 + beats)
    c[AT + 6] = min(before / rr, LONGEST)
    c[AT + 7] = min(onset, LONGEST)
    c[AT + 8] = s.early_pause
    c[AT + 9] = s.early_depth


@njit(cache=True)
def _back(s: Any, rr: float, back: int) -> float:
    """This RR (0) or the one `back` before it; it must be known."""
    return rr if back == 0 else float(s.rrs[(s.known - back) & (iv.HISTORY - 1)])


@njit(cache=True)
def _turns(s: Any, c: np.ndarray, rr: float, mean: float) -> None:
    """Change over two beats against change over one; long minus short in turns; steadiness of 8."""
    c[AT] = 1.0
    c[AT + 1] = c[AT + 2] = 0.0
    n = min(s.known, TURNS + 1)
    if n < 4:
        return
    one = two = turn = 0.0
    steps = np.empty(TURNS)
    for back in range(n - 1):
        a, b, d = _back(s, rr, back), _back(s, rr, back + 1), _back(s, rr, back + 2)
        one += abs(a - b)
        two += abs(a - d)
        turn += (a - b) if back % 2 == 0 else (b - a)
        steps[back] = abs(a - b)
    c[AT] = min((two + 0.01 * mean) / (one + 0.01 * mean), 2.0)
    c[AT + 1] = min(max(turn / ((n - 1) * mean), -1.0), 1.0)
    steps[: n - 1].sort()
    c[AT + 2] = min(steps[(n - 1) // 2] / mean, 1.0)


@njit(cache=True)
def _disorder(s: Any, c: np.ndarray, rr: float, mean: float) -> None:
    """Of the pairs of RR: share alike, and of these the share whose next RR are alike as well."""
    n = int(min(s.known, iv.HISTORY - 1))
    alike = again = 0.0
    near = NEAR * mean
    for i in range(1, n):
        for j in range(i + 1, n + 1):
            if abs(_back(s, rr, i) - _back(s, rr, j)) < near:
                alike += 1.0
                again += 1.0 if abs(_back(s, rr, i - 1) - _back(s, rr, j - 1)) < near else 0.0
    c[AT + 3] = alike / max(0.5 * n * (n - 1), 1.0)
    c[AT + 4] = (again + 1.0) / (alike + 2.0)


@njit(cache=True)
def _run(s: Any, rr: float, mean: float) -> tuple[float, float, float, float]:
    """The run that this beat goes on with or begins: beats, RR before it, its onset, its RR."""
    if abs(rr - s.run_rr) < SAME * s.run_rr:
        return s.run_beats + 1.0, s.run_before, s.run_onset, s.run_rr + FOLLOW * (rr - s.run_rr)
    return 0.0, mean, rr / mean, rr


@njit(cache=True)
def learn(s: Any, rr: float, mean: float) -> None:
    """Take `rr` into the run and the habits; `mean` is the one before it."""
    if s.early_last < iv.EARLY:
        s.early_pause += HABIT * (min(rr / mean, 2.0) - s.early_pause)
    if rr < iv.EARLY * mean:
        s.early_depth += HABIT * (rr / mean - s.early_depth)
    s.run_beats, s.run_before, s.run_onset, s.run_rr = _run(s, rr, mean)
