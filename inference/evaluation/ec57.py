"""Beat-by-beat comparison as ANSI/AAMI EC57 4.3 describes it and WFDB's bxb(1) does it.

Rules, each one a test:

- Two annotations within 150 ms (inclusive) may be one beat. The earlier of the two next ones is
  looked at: it is paired with the other side's next unless the one that follows it on its own side
  is nearer to that; then, or outside the window, it stays alone.
- The first 5 minutes (learning) do not count; a pair belongs to its reference beat's time.
- Beats between `[` and `]` of the reference do not count, on either side.
- Beats inside a file's own shutdown do not count. A reference beat missed in the test's shutdown
  stands in column x, another missed one in o; a detection in the reference's shutdown stands in
  row X, another false one in O. Both columns are misses and both rows false detections: the
  reading that never flatters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES
from inference.evaluation.annotations import WINDOW_S, Beats

LEARNING_S: Final = 300.0
"""EC57 4.3.2.1: the first five minutes of a record are the learning period."""

LABELS: Final = (*CLASSES, "O", "X")
"""Rows (upper case, reference) and columns (lower case, test) of the matrix: N S V F Q O X."""

O: Final = 5  # noqa: E741 - the standard's own name: no beat on this side
X: Final = 6
"""Index of "no beat, and it said so": a shutdown on this side."""

ALONE: Final = -1
"""In place of an index: this side has no beat here."""


@dataclass(frozen=True)
class Comparison:
    """What the comparison of two files found.

    Attributes:
        matrix: int64 (7, 7), reference rows and test columns in the order of `LABELS`.
        offsets: test minus reference time of each pair, in seconds.
        shutdown_s: seconds of the test's shutdown in the compared stretch.
    """

    matrix: NDArray[np.int64]
    offsets: NDArray[np.float64]
    shutdown_s: float


def window_samples(rate: float) -> int:
    """The largest whole number of samples within 150 ms."""
    return int(WINDOW_S * rate + 1e-9)


def match(reference: list[int], test: list[int], window: int) -> Iterator[tuple[int, int]]:
    """Pair the beats of two files greedily in time order.

    Args:
        reference: sample of each beat, not decreasing.
        test: the same of the other file.
        window: largest distance of a pair, inclusive, in samples.

    Yields:
        (reference index, test index), ALONE where there is no partner; every index exactly once.
    """
    i = j = 0
    while i < len(reference) and j < len(test):
        distance = abs(reference[i] - test[j])
        test_first = test[j] <= reference[i]
        if test_first:
            rival = j + 1 < len(test) and abs(test[j + 1] - reference[i]) < distance
        else:
            rival = i + 1 < len(reference) and abs(reference[i + 1] - test[j]) < distance
        if distance <= window and not rival:
            yield i, j
            i, j = i + 1, j + 1
        elif test_first:
            yield ALONE, j
            j += 1
        else:
            yield i, ALONE
            i += 1
    yield from ((k, ALONE) for k in range(i, len(reference)))
    yield from ((ALONE, k) for k in range(j, len(test)))


def readable(file: Beats) -> Beats:
    """The beats outside the file's own fibrillation and shutdown."""
    return file.keep(
        ~(file.fibrillation.contain(file.samples) | file.shutdown.contain(file.samples))
    )


def compare(
    reference: Beats, test: Beats, rate: float, learning_s: float = LEARNING_S
) -> Comparison:
    """Compare two files of one record beat by beat.

    Args:
        reference: the truth.
        test: what is judged.
        rate: Hz of both files' samples.
        learning_s: seconds at the start that do not count.
    """
    truth, judged = readable(reference), readable(test)
    start = round(learning_s * rate)
    in_test_shutdown = test.shutdown.contain(truth.samples)
    in_shutdown = reference.shutdown.contain(judged.samples)
    in_fibrillation = reference.fibrillation.contain(judged.samples)
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    offsets = []
    truth_at, judged_at = truth.samples.tolist(), judged.samples.tolist()
    for i, j in match(truth_at, judged_at, window_samples(rate)):
        if (judged_at[j] if i == ALONE else truth_at[i]) < start:
            continue
        if ALONE not in {i, j}:
            matrix[truth.classes[i], judged.classes[j]] += 1
            offsets.append(judged_at[j] - truth_at[i])
        elif i != ALONE:
            matrix[truth.classes[i], X if in_test_shutdown[i] else O] += 1
        elif not in_fibrillation[j]:
            matrix[X if in_shutdown[j] else O, judged.classes[j]] += 1
    end = max(truth_at[-1:] + judged_at[-1:], default=0)
    shutdown_s = test.shutdown.seconds(start, end, rate)
    return Comparison(matrix, np.array(offsets, np.float64) / rate, shutdown_s)
