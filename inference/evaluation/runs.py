"""Run-by-run comparison: couplets and runs of V or S beats, as EC57 4.3.4 and WFDB's rxr(1).

A run is two or more beats of the class in a row. For sensitivity each run of the reference is
looked for in the test: the longest row of the class among the test's beats from 150 ms before its
first to 150 ms after its last beat. For positive predictivity the two files change places.
A run counts as found when that row reaches the least length of its kind: 2 for a couplet, 3 for a
short run (3 to 5 beats), 6 for a long one; whoever reads it otherwise finds the whole matrix.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.annotations import Beats, window_samples
from inference.evaluation.ec57 import LEARNING_S, readable

LONGEST: Final = 6
"""Lengths from here on are one row and column of the matrices, as in rxr."""

KINDS: Final = {"couplet": (2, 2), "short": (3, 5), "long": (6, 6), "run": (3, 6)}
"""Least and greatest length (6 = six or more) of each kind; `run` is every one of three or more."""


@dataclass(frozen=True)
class RunMatrices:
    """Lengths 0 to 6 (six or more) of each run and of its longest counterpart.

    Attributes:
        sensitivity: int64 (7, 7), rows: runs of the reference, columns: found in the test.
        predictivity: int64 (7, 7), rows: runs of the test, columns: found in the reference.
    """

    sensitivity: NDArray[np.int64]
    predictivity: NDArray[np.int64]


def compare_runs(
    reference: Beats, test: Beats, rate: float, target: int, learning_s: float = LEARNING_S
) -> RunMatrices:
    """Compare the runs of class index `target` in two files of one record, both ways."""
    start = round(learning_s * rate)
    truth, judged = readable(reference), readable(test)
    truth = truth.keep(truth.samples >= start)
    unjudged = reference.fibrillation.contain(judged.samples)
    unjudged |= reference.shutdown.contain(judged.samples)
    judged = judged.keep((judged.samples >= start) & ~unjudged)
    breaks = np.sort(reference.fibrillation.starts)
    window = window_samples(rate)
    return RunMatrices(
        _matrix(truth, judged, target, breaks, window),
        _matrix(judged, truth, target, breaks, window),
    )


def find_runs(file: Beats, target: int, breaks: NDArray[np.float64]) -> list[tuple[int, int]]:
    """[first, last] beat index of each row of two or more beats of the class.

    A row ends at a beat of another class and at a break (the start of a fibrillation).
    """
    part = np.searchsorted(breaks, file.samples)
    runs: list[tuple[int, int]] = []
    first = 0
    for k in range(1, len(file) + 1):
        goes_on = k < len(file) and file.classes[k] == target and part[k] == part[k - 1]
        if goes_on and file.classes[first] == target:
            continue
        if file.classes[first] == target and k - first > 1:
            runs.append((first, k - 1))
        first = k
    return runs


def _matrix(
    these: Beats, others: Beats, target: int, breaks: NDArray[np.float64], window: int
) -> NDArray[np.int64]:
    matrix = np.zeros((LONGEST + 1, LONGEST + 1), np.int64)
    for first, last in find_runs(these, target, breaks):
        low = np.searchsorted(others.samples, these.samples[first] - window)
        high = np.searchsorted(others.samples, these.samples[last] + window, side="right")
        found = longest(others.classes[low:high] == target)
        matrix[min(last - first + 1, LONGEST), min(found, LONGEST)] += 1
    return matrix


def longest(flags: NDArray[np.bool_]) -> int:
    """The longest stretch of true flags."""
    best = length = 0
    for flag in flags.tolist():
        length = length + 1 if flag else 0
        best = max(best, length)
    return best


def found_of(matrix: NDArray[np.int64], kind: str) -> tuple[int, int]:
    """(found, all) runs of a kind in one of the matrices."""
    least, greatest = KINDS[kind]
    rows = matrix[least : greatest + 1]
    return int(rows[:, least:].sum()), int(rows.sum())
