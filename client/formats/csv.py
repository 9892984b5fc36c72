"""CSV records: one row per sample, one column per lead, names in the first row.

The first row holds the names; a unit may follow in brackets, `II [uV]` or `V5 (mV)`, and is
millivolts where absent. A first column called `time`, `t` or `timestamp` holds seconds (or `[ms]`,
`[us]`): the sampling rate and missing stretches come from it. Without it the rate is an argument.
An empty field, `nan` or `-` is an invalid sample. Separators: comma, semicolon or tab.
"""

import csv
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from client.formats.record import (
    CHUNK,
    MICROVOLTS,
    Chunk,
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
_SECONDS: Final = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_TIME_NAMES: Final = ("time", "t", "timestamp")
_NAME: Final = re.compile(r"^\s*(?P<name>.*?)\s*(?:[\[(]\s*(?P<unit>[^\])]*?)\s*[\])])?\s*$")


class _Table(NamedTuple):
    signals: list[Signal]
    times: NDArray[np.float64] | None
    values: NDArray[np.int32]  # (rows, leads), multiples of RESOLUTION_UV


def open_csv(path: Path, leads: Sequence[int | str] | None, rate: float | None) -> Record:
    """Read the CSV file at `path`; `rate` in Hz is needed when it has no time column."""
    if not path.is_file():
        raise RecordError("not-found", "record", "there is no such file", path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = _read(file, path)
    if len(table.values) == 0:
        raise RecordError("bad-value", "rows", "there is no sample", path)
    index, hertz = _grid(table, rate, path)
    columns = choose(table.signals, leads, path)
    length = int(index[-1]) + 1

    def read() -> Iterator[Chunk]:
        for first in range(0, length, CHUNK):
            stop = min(first + CHUNK, length)
            rows = slice(*np.searchsorted(index, (first, stop)))
            values = np.full((stop - first, len(columns)), _INVALID, np.int64)
            values[index[rows] - first] = table.values[rows][:, columns]
            yield Chunk(values, values == _INVALID)

    signals = [table.signals[c] for c in columns]
    scale = [RESOLUTION_UV] * len(columns)
    return assemble(path.stem, hertz, signals, uv_per_unit=scale, length=length, read=read)


def _read(file: Iterator[str], path: Path) -> _Table:
    first = next(file, "")
    delimiter = max(",;\t", key=first.count)
    names = [_NAME.match(cell) for cell in next(csv.reader([first], delimiter=delimiter), [])]
    heads = [(m["name"], m["unit"] or "") for m in names if m]
    has_time = bool(heads) and heads[0][0].lower() in _TIME_NAMES
    signals = [Signal(name, unit or "mV") for name, unit in heads[has_time:]]
    _check_heads(heads, signals, path, has_time=has_time)
    scale = [MICROVOLTS[s.unit.lower()] / RESOLUTION_UV for s in signals]
    times, values = array("d"), array("i")
    for line, row in enumerate(csv.reader(file, delimiter=delimiter), start=2):
        if not row:
            continue
        if len(row) != len(heads):
            what = f"{len(row)} fields where the header has {len(heads)}"
            raise RecordError("bad-value", "row", what, f"{path}:{line}")
        if has_time:
            times.append(_number(row[0], "time", path, line))
        for cell, signal, factor in zip(row[has_time:], signals, scale, strict=True):
            values.append(_units(cell, factor, signal.label, path, line))
    seconds = np.array(times) * _SECONDS[heads[0][1].lower()] if has_time else None
    return _Table(signals, seconds, np.array(values, np.int32).reshape(-1, len(signals)))


def _check_heads(
    heads: list[tuple[str, str]], signals: list[Signal], path: Path, *, has_time: bool
) -> None:
    where = f"{path}:1"
    if not signals:
        raise RecordError("bad-header", "header", "no column of a lead", where)
    if any(_is_number(name) for name, _ in heads):
        raise RecordError("bad-header", "header", "the first row must hold the names", where)
    if has_time and heads[0][1].lower() not in _SECONDS:
        what = f"the unit {heads[0][1]!r} is not one of s, ms, us"
        raise RecordError("bad-header", "time", what, where)
    for signal in signals:
        if signal.unit.lower() not in MICROVOLTS:
            what = f"the unit {signal.unit!r} is not one of V, mV, uV, nV"
            raise RecordError("bad-header", signal.label, what, where)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(cell: str, field: str, path: Path, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise RecordError("bad-value", field, f"{cell!r} is no number", f"{path}:{line}") from None
    if not math.isfinite(value):
        raise RecordError("bad-value", field, f"{cell!r} is not finite", f"{path}:{line}")
    return value


def _units(cell: str, factor: float, label: str, path: Path, line: int) -> int:
    if cell.strip().lower() in ("", "nan", "-"):
        return _INVALID
    value = round(_number(cell, label, path, line) * factor)
    if abs(value) * RESOLUTION_UV > _LIMIT_UV:
        raise RecordError("bad-value", label, f"{cell} is beyond 100 V", f"{path}:{line}")
    return value


def _grid(table: _Table, rate: float | None, path: Path) -> tuple[NDArray[np.int64], float]:
    """Sample index of each row, and the rate in Hz."""
    rows = len(table.values)
    if table.times is None or rows == 1:
        if rate is None:
            what = "without a time column (of two rows) the rate must be given"
            raise RecordError("rate", "rate", what, path)
        return np.arange(rows), rate
    steps = np.diff(table.times)
    if (steps <= 0).any():
        line = int(np.argmax(steps <= 0)) + 3
        raise RecordError("bad-value", "time", "does not increase", f"{path}:{line}")
    # Steps of rounded times vary (360 Hz in ms: 3, 3, 2), so a hole is half a step too long.
    regular = steps < 1.5 * np.median(steps)
    hertz = _snap(float(regular.sum() / steps[regular].sum())) if rate is None else rate
    jumps = np.where(regular, 1, np.rint(steps * hertz)).astype(np.int64)
    return np.concatenate(([0], np.cumsum(jumps))), hertz


def _snap(hertz: float) -> float:
    """The whole rate that rounded times mean, when it is within 100 ppm (a crystal's error)."""
    whole = float(round(hertz))
    return whole if abs(hertz - whole) <= 1e-4 * hertz else hertz
