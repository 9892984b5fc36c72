"""Beat-by-beat comparison as ANSI/AAMI EC57 4.3 describes it and WFDB's bxb(1) does it.

Rules, each one a test:

- Two annotations within 150 ms (inclusive) may be one beat. The earlier of the two next ones is
  looked at: it is paired with the other side's next unless the one that follows it on its own side
  is as near to that and has no nearer partner itself (bxb since 2002); then, or outside the window,
  it stays alone.
- The first 5 minutes (learning) do not count: reference beats before 5:00 are not looked at. The
  last detection before 5:00 may be the first beat's; the first one within 150 ms after it is
  passed over where the next is nearer to that beat.
- Beats between `[` and `]` of the reference do not count, on either side.
- A reference beat missed in the test's shutdown stands in column x, another missed one in o; a
  detection in the reference's shutdown stands in row X, another false one in O. Both columns are
  misses and both rows false detections: the reading that never flatters.

Where it is not bxb: two beats at one sample of a file, which the WFDB library does not write, may both
have a partner there; and what lies beyond a header's end counts, where bxb stops.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES
from inference.evaluation.annotations import Beats, window_samples

LEARNING_S: Final = 300.0
"""EC57 4.3.2.1: the first five minutes of a record are the learning period."""

LABELS: Final = (*CLASSES, "O", "X")
"""Rows (upper case, reference) and columns (lower case, test) of the matrix: N S V F Q O X."""

O: Final = 5  # noqa: E741 - the standard's own name: no beat on this side
X: Final = 6
"""Index of "no beat, and it said so": a shutdown on this side."""

ALONE: Final = -1
"""In place of an index: this side has no beat here."""

_NEVER: Final = 1 << 62
"""Sample of the beat after a file's last one."""


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
        if _is_pair(_two(reference, i), _two(test, j), window):
            yield i, j
            i, j = i + 1, j + 1
        elif test[j] < reference[i]:
            yield ALONE, j
            j += 1
        else:
            yield i, ALONE
            i += 1
    yield from ((k, ALONE) for k in range(i, len(reference)))
    yield from ((ALONE, k) for k in range(j, len(test)))


def _two(samples: list[int], k: int) -> tuple[int, int]:
    """Beat k and the one after it."""
    return samples[k], samples[k + 1] if k + 1 < len(samples) else _NEVER


def _is_pair(reference: tuple[int, int], test: tuple[int, int], window: int) -> bool:
    """Whether the first of both sides are one beat, seeing the beat after each."""
    (late, after_late), (early, after_early) = sorted((reference, test), reverse=True)
    distance, rival = late - early, abs(after_early - late)
    taken = abs(after_early - after_late) < rival
    return distance <= window and (distance < rival or taken or distance == 0)


def readable(file: Beats) -> Beats:
    """The beats outside the file's own fibrillation."""
    return file.keep(~file.fibrillation.contain(file.samples))


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
    window, start = window_samples(rate), round(learning_s * rate)
    truth, judged = readable(reference), readable(test)
    truth = truth.keep(truth.samples >= start)
    truth_at, judged_at = truth.samples.tolist(), judged.samples.tolist()
    first = _first(truth_at, judged_at, window, start)
    judged = judged.keep(np.arange(len(judged)) >= first)
    in_test_shutdown = test.shutdown.contain(truth.samples)
    in_shutdown = reference.shutdown.contain(judged.samples)
    in_fibrillation = reference.fibrillation.contain(judged.samples)
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    offsets = []
    for i, j in match(truth_at, judged_at[first:], window):
        if ALONE not in {i, j}:
            matrix[truth.classes[i], judged.classes[j]] += 1
            offsets.append(judged.samples[j] - truth.samples[i])
        elif i != ALONE:
            matrix[truth.classes[i], X if in_test_shutdown[i] else O] += 1
        elif not in_fibrillation[j]:
            matrix[X if in_shutdown[j] else O, judged.classes[j]] += 1
    end = max(truth_at[-1:] + judged_at[-1:], default=0)
    shutdown_s = test.shutdown.seconds(start, end, rate)
    return Comparison(matrix, np.array(offsets, np.float64) / rate, shutdown_s)


def _first(reference: list[int], test: list[int], window: int, start: int) -> int:
    """Index of the first detection that counts; `reference` has only beats that do."""
    after = bisect_left(test, start)
    beat, around = (reference or [_NEVER])[0], [*test[max(after - 1, 0) :], _NEVER, _NEVER]
    if after and beat - around[0] <= window and beat - around[0] < abs(beat - around[1]):
        return after - 1
    here, following = around[1:3] if after else around[:2]
    passed_over = here - start <= window and abs(beat - following) < abs(beat - here)
    return after + passed_over
