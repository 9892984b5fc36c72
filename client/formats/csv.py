"""CSV records: one row per sample, one column per lead.

The first row may hold the names; a unit may follow in brackets, `II [uV]` or `V5 (mV)`, or stand in a
second row. A first column called `time`, `t`, `timestamp` … holds seconds (or `[ms]`, `[us]`), clock
times or dates: the sampling rate and missing stretches come from it. A first column `sample` or
`index` holds sample numbers. Without names a first column that rises evenly is taken for one of both.
Without times the rate is an argument, or stands in a comment (`# sampling rate: 250`).

An empty field, `nan`, `na`, `null` or `-` is an invalid sample; nothing is interpolated. Separators:
comma, semicolon, tab, bar, blanks; decimal point, or comma where it does not separate.

What had to be guessed stands in the record's notes.
"""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from client.formats import csv_dialect, single_beats
from client.formats.csv_clock import Clock
from client.formats.csv_dialect import Column, Dialect
from client.formats.csv_rows import read_rows
from client.formats.record import (
    CHUNK,
    MICROVOLTS,
    Chunk,
    Given,
    Record,
    RecordError,
    Signal,
    assemble,
    choose,
)

RESOLUTION_UV: Final = 0.1
"""Physical values become whole multiples of this: finer than the noise of any ECG amplifier."""

_LIMIT_UV: Final = 1e8
"""100 V: beyond it a value is a mistake, and it would leave the 32 bits that hold it."""

_INVALID: Final = np.iinfo(np.int32).min

_SPANS: Final = ((0.02, "V"), (20.0, "mV"), (20_000.0, "uV"))
"""An ECG spans 0.3 to 10 mV from peak to peak: the largest span that is taken for each unit."""


def open_csv(path: Path, leads: Sequence[int | str] | None, given: Given) -> Record:
    """Read the CSV file at `path`; `given` says what it does not say itself."""
    if not path.is_file():
        raise RecordError("not-found", "record", "there is no such file", path)
    dialect = csv_dialect.judge(path)
    if single_beats.is_table(path, dialect):
        what = "rows of 187 values between 0 and 1 are single beats, not a record"
        raise RecordError("single-beats", "columns", what, path)
    clock = Clock(path, dialect, given)
    signals = [Signal(c.name, c.unit or "mV") for c in dialect.columns[clock.column is not None :]]
    _check(signals, path)
    table = _Table(path, dialect, clock, choose(signals, leads, path), given)
    values = table.read()
    if len(values) == 0:
        raise RecordError("bad-value", "rows", "there is no sample", path)
    rate = clock.finish()
    holes = [*clock.holes(), (len(values), 0)]

    def read() -> Iterator[Chunk]:
        start = 0
        for row, missing in holes:
            for first in range(start, row, CHUNK):
                part = values[first : min(first + CHUNK, row)].astype(np.int64)
                yield Chunk(part, part == _INVALID)
            for first in range(0, missing, CHUNK):
                empty = np.zeros((min(CHUNK, missing - first), values.shape[1]), np.int64)
                yield Chunk(empty, np.ones(empty.shape, np.bool_))
            start = row

    return assemble(
        path.stem,
        rate,
        [signals[c] for c in table.columns],
        uv_per_unit=[RESOLUTION_UV] * len(table.columns),
        length=len(values) + sum(missing for _, missing in holes),
        read=read,
        available=signals,
        notes=[*clock.notes, *table.notes],
    )


def _check(signals: list[Signal], path: Path) -> None:
    if not signals:
        raise RecordError("bad-header", "header", "no column of a lead", f"{path}:1")
    if not any(signal.unit.lower() in MICROVOLTS for signal in signals):
        label, unit = signals[0]
        what = f"the unit {unit!r} is not one of V, mV, uV, nV"
        raise RecordError("bad-header", label, what, f"{path}:1")


class _Table:
    """The wanted leads of all rows, as int32 in multiples of RESOLUTION_UV.

    Attributes:
        columns: of the leads, counted without the clock's.
        notes: what was guessed.
    """

    def __init__(
        self, path: Path, dialect: Dialect, clock: Clock, columns: list[int], given: Given
    ) -> None:
        self.columns = columns
        self.notes: list[str] = []
        self._path = path
        self._dialect = dialect
        self._clock = clock
        self._given = given
        shift = clock.column is not None
        self._heads = [dialect.columns[c + shift] for c in columns]
        self._used = [*range(shift), *(c + shift for c in columns)]

    def read(self) -> NDArray[np.int32]:
        """Every row, shape (rows, leads); _INVALID where there is no sample."""
        timed = self._clock.column is not None
        found = array("i")
        factors: NDArray[np.float64] | None = None
        for rows in read_rows(self._path, self._dialect, self._used, self._clock.column):
            if timed:
                self._clock.add(rows.values[:, 0], rows.lines)
            leads = rows.values[:, timed:]
            if factors is None and len(leads):
                factors = np.array(
                    [self._factor(head, leads[:, i]) for i, head in enumerate(self._heads)]
                )
            if factors is not None:
                found.frombytes(self._whole(leads * factors, rows.lines).tobytes())
        return np.frombuffer(found, np.int32).reshape(-1, len(self.columns))

    def _whole(self, units: NDArray[np.float64], lines: NDArray[np.int64]) -> NDArray[np.int32]:
        beyond = abs(units) * RESOLUTION_UV > _LIMIT_UV
        if beyond.any():
            row, lead = np.argwhere(beyond)[0]
            where = f"{self._path}:{lines[row]}"
            what = f"{units[row, lead] * RESOLUTION_UV:g} uV"
            raise RecordError("bad-value", self._heads[lead].name, what, where, limit="100 V")
        missing = np.isnan(units)
        whole = np.rint(np.where(missing, 0.0, units)).astype(np.int32)
        whole[missing] = _INVALID
        return whole

    def _factor(self, head: Column, values: NDArray[np.float64]) -> float:
        """Multiples of RESOLUTION_UV per unit of a column: said, given, or guessed from values."""
        given = self._given
        if given.uv_per_lsb is not None:
            return given.uv_per_lsb / RESOLUTION_UV
        unit = given.unit or head.unit
        if not unit:
            unit = self._guess(head, values[~np.isnan(values)])
        return MICROVOLTS[unit.lower()] / RESOLUTION_UV

    def _guess(self, head: Column, values: NDArray[np.float64]) -> str:
        low, high = np.percentile(values, (0.5, 99.5)) if len(values) else (0.0, 0.0)
        span = float(high - low)
        unit = next((unit for most, unit in _SPANS if span <= most), "") if span else "mV"
        if not unit:
            what = f"the values span {span:g}: give their unit, or uv_per_lsb"
            raise RecordError("unit", head.name, what, self._path)
        raw = "; if these are a converter's raw numbers, give uv_per_lsb" if unit == "uV" else ""
        self.notes.append(f"unit of {head.name}: taken for {unit}, the values span {span:g}{raw}")
        return unit
