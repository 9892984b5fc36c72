"""Counting a model's beats in bins: those of training into a reference, those of today beside it.

Apart from `population`, so that who only compares counts (the gateway) does not import numba.
"""

import hashlib

import numpy as np
import numpy.typing as npt
from numba import njit

from inference.drift.population import BINS, NAMES, Counts, Reference

Values = npt.NDArray[np.float32]


def reference(values: Values, classes: int, model: bytes) -> Reference:
    """Histograms of `values` (n, NAMES): class index, confidence, features.

    Args:
        values: a row for each beat.
        classes: how many classes there are, one bin for each.
        model: that gave the first two columns.
    """
    edges = [[k - 0.5 for k in range(1, classes)]]
    edges += [_deciles(column) for column in values.T[1:]]
    table = _table(edges)
    counts = np.zeros((len(NAMES), BINS), np.int64)
    for row in values:
        count(row, table, counts)
    shares = np.round(counts / len(values), 6).tolist()
    return Reference(hashlib.sha256(model).hexdigest(), edges, shares, len(values))


def _deciles(column: Values) -> list[float]:
    """Inner edges of bins that hold a tenth each, of six digits; fewer where values repeat."""
    cuts = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])
    return sorted({float(f"{cut:.6g}") for cut in cuts})


class Counter:
    """Counts a model's beats in the bins of its reference.

    Attributes:
        counts: (NAMES, BINS) since they were taken last.
    """

    def __init__(self, known: Reference) -> None:
        self.counts: Counts = np.zeros((len(NAMES), BINS), np.int64)
        self._table = _table(known.edges)
        self._row = np.zeros(len(NAMES), np.float32)

    def add(self, label: int, confidence: float, row: npt.NDArray[np.float32]) -> None:
        """Count one beat: class index, confidence and features (INPUT,)."""
        self._row[0], self._row[1] = label, confidence
        self._row[2:] = row
        count(self._row, self._table, self.counts)

    def take(self) -> Counts:
        """What was counted since this was asked last."""
        taken, self.counts = self.counts, np.zeros_like(self.counts)
        return taken


def _table(edges: list[list[float]]) -> npt.NDArray[np.float64]:
    """The edges as an array (NAMES, BINS - 1), filled up with infinity."""
    table = np.full((len(NAMES), BINS - 1), np.inf)
    for k, row in enumerate(edges):
        table[k, : len(row)] = row
    return table


@njit(cache=True)  # type: ignore[untyped-decorator]
def count(row: np.ndarray, table: np.ndarray, counts: np.ndarray) -> None:
    """Count each value of `row` (NAMES,) in its bin."""
    for k in range(len(row)):
        at = 0
        while at < table.shape[1] and row[k] >= table[k, at]:
            at += 1
        counts[k, at] += 1
