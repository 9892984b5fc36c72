"""The first column of a CSV file as its clock: which samples the rows are, and the sampling rate."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from client.formats.csv_dialect import INDEX_NAMES, SECONDS, TIME_NAMES, Dialect
from client.formats.csv_rows import read_head
from client.formats.record import Given, RecordError

_PLAUSIBLE: Final = (20.0, 20_000.0)
"""Sampling rates in Hz that an ECG may have: which unit an unnamed time is in."""
_UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_EVEN_ROWS: Final = 8
"""So many rows must rise evenly before an unnamed column is taken for a clock."""


class Clock:
    """Where the rows lie in time.

    Attributes:
        column: of the times, None where there is none.
        notes: what was guessed.
    """

    def __init__(self, path: Path, dialect: Dialect, given: Given) -> None:
        self.notes: list[str] = []
        self._path = path
        self._rate = given.rate
        self._seconds = 0.0  # of one unit of the column; 0: not known yet
        self._name = dialect.columns[0].name or "time"
        self.column = self._find(dialect)
        if self._rate is None and dialect.rate is not None:
            self._rate = dialect.rate
            self.notes.append(f"rate: {dialect.rate:g} Hz, from a line before the rows")
        self._rows = 0
        self._last: float | None = None
        self._usual = 0.0
        self._even = 0
        self._even_time = 0.0
        self._jumps: list[tuple[int, float]] = []

    # ── Which column ──────────────────────────────────────────────────────────────────────────

    def _find(self, dialect: Dialect) -> int | None:
        name, unit = dialect.columns[0]
        if dialect.named:
            if name.lower() in TIME_NAMES:
                return self._time_column(unit)
            if name.lower() in INDEX_NAMES and len(dialect.columns) > 1:
                return self._index_column()
            return None
        first = read_head(self._path, dialect)[:, 0] if len(dialect.columns) > 1 else np.empty(0)
        if not _rises_evenly(first):
            return None
        if np.all(np.diff(first) == 1.0):
            self.notes.append("columns: the first counts the samples")
            return self._index_column()
        self.notes.append("columns: the first rises evenly, taken for the time")
        return 0

    def _time_column(self, unit: str) -> int:
        if unit.lower() not in SECONDS:
            what = f"the unit {unit!r} is not one of s, ms, us"
            raise RecordError("bad-header", "time", what, f"{self._path}:1")
        self._seconds = SECONDS[unit.lower()] if unit else 0.0
        return 0

    def _index_column(self) -> int:
        if self._rate is None:
            what = "a column of sample numbers says no rate: it must be given"
            raise RecordError("rate", "rate", what, self._path)
        self._seconds = 1.0 / self._rate
        return 0

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────

    def add(self, times: NDArray[np.float64], lines: NDArray[np.int64]) -> None:
        """Take the times of the next rows; `lines` are theirs in the file.

        Raises:
            RecordError: `bad-value` where they do not increase.
        """
        before = times[:1] if self._last is None else np.array([self._last])
        steps = np.diff(np.concatenate((before, times)))
        wrong = steps <= 0
        wrong[: self._last is None] = False
        if wrong.any():
            line = int(lines[np.argmax(wrong)])
            raise RecordError("bad-value", self._name, "does not increase", f"{self._path}:{line}")
        if not self._usual and len(times) > 1:
            self._usual = float(np.median(steps[steps > 0]))
        # Steps of rounded times vary (360 Hz in ms: 3, 3, 2), so a hole is half a step too long.
        even = steps < 1.5 * self._usual
        even[: self._last is None] = False  # the very first row has no step
        self._even += int(even.sum())
        self._even_time += float(steps[even].sum())
        for row in np.flatnonzero(steps >= 1.5 * self._usual) if self._usual else ():
            self._jumps.append((self._rows + int(row), float(steps[row])))
        self._rows += len(times)
        self._last = float(times[-1]) if len(times) else self._last

    def finish(self) -> float:
        """The sampling rate in Hz; call it after the last row.

        Raises:
            RecordError: `rate` when nothing says it.
        """
        if self._rate is None and self._even:
            usual = self._even_time / self._even
            self._seconds = self._seconds or self._unit(usual)
            self._rate = _snap(1.0 / (usual * self._seconds))
        if self._rate is None:
            what = "without a time column (of two rows) the rate must be given"
            raise RecordError("rate", "rate", what, self._path)
        return self._rate

    def holes(self) -> list[tuple[int, int]]:
        """Rows before which samples are missing, and how many."""
        if not self._jumps:
            return []
        scale = (self._rate or 0.0) * (self._seconds or self._unit(self._usual))
        holes = [(row, round(step * scale) - 1) for row, step in self._jumps]
        return [(row, missing) for row, missing in holes if missing > 0]

    def _unit(self, step: float) -> float:
        """Seconds of one unit of an unnamed time, from the step between two rows."""
        low, high = _PLAUSIBLE
        for seconds, name in _UNITS:
            if low <= 1.0 / (step * seconds) <= high:
                if name != "s":
                    self.notes.append(f"time: taken for {name}")
                return seconds
        return 1.0


def _rises_evenly(values: NDArray[np.float64]) -> bool:
    if len(values) < _EVEN_ROWS or np.isnan(values).any():
        return False
    steps = np.diff(values)
    usual = np.median(steps)
    return bool(
        usual > 0 and (steps > 0).all() and np.mean(abs(steps - usual) < 0.6 * usual) >= 0.8
    )


def _snap(hertz: float) -> float:
    """The whole rate that rounded times mean, when it is within 100 ppm (a crystal's error)."""
    whole = float(round(hertz))
    return whole if abs(hertz - whole) <= 1e-4 * hertz else hertz
