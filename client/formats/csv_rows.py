"""The rows of a CSV file as numbers, block by block: fast where a block is clean, else cell by cell.

A block goes through NumPy's parser; where that refuses it (an empty field, a clock time, a word),
it is read again in Python, which knows missing values and says line and column of what is wrong.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from client.formats.csv_cells import MISSING, clock, number_of
from client.formats.csv_dialect import Dialect
from client.formats.record import RecordError

_BLOCK: Final = 1 << 22
"""Characters that are read at a time; about 250,000 rows."""
_LONGEST_LINE: Final = 1 << 16
_HEAD: Final = 1 << 15
"""Characters from which an unnamed column is judged."""


class Rows(NamedTuple):
    """Some rows: float64 (n, used columns), NaN where missing, and the file's line of each."""

    values: NDArray[np.float64]
    lines: NDArray[np.int64]


def read_rows(
    path: Path, dialect: Dialect, used: Sequence[int], time: int | None
) -> Iterator[Rows]:
    """Every row of the file at `path`, in blocks.

    Args:
        path: of the file.
        dialect: how it is written.
        used: the columns wanted, in the order wanted.
        time: which of all columns may hold clock times, if any does.

    Raises:
        RecordError: `bad-value` with line and column.
    """
    reader = _Reader(path, dialect, used, time)
    with path.open(encoding=dialect.encoding, errors="replace", newline=None) as file:
        for _ in range(dialect.skip):
            file.readline(_LONGEST_LINE)
        line = dialect.skip + 1
        for lines in _blocks(file, path):
            yield reader.parse(lines, line)
            line += len(lines)


def read_head(path: Path, dialect: Dialect, width: int = 1) -> NDArray[np.float64]:
    """The first `width` columns of the first rows; NaN where neither a number nor a clock time is."""
    found: list[list[float]] = []
    with path.open(encoding=dialect.encoding, errors="replace", newline=None) as file:
        for number, line in enumerate(file.read(_HEAD).splitlines()[:-1]):
            if number >= dialect.skip and line.strip():
                cells = dialect.split(line)[:width]
                found.append([_judged(cell, dialect.decimal) for cell in cells])
    whole = [row for row in found if len(row) == width]
    return np.array(whole, np.float64).reshape(-1, width)


def _judged(cell: str, decimal: str) -> float:
    value = number_of(cell, decimal)
    value = clock(cell) if value is None else value
    return math.nan if value is None else value


def _blocks(file: TextIO, path: Path) -> Iterator[list[str]]:
    """Whole lines, without their ends."""
    rest = ""
    while text := file.read(_BLOCK):
        lines = (rest + text).split("\n")
        rest = lines.pop()
        if len(rest) > _LONGEST_LINE:
            limit = f"{_LONGEST_LINE} characters"
            raise RecordError("bad-value", "row", "a line is too long", path, limit=limit)
        if lines:
            yield lines
    if rest:
        yield [rest]


class _Reader:
    def __init__(self, path: Path, dialect: Dialect, used: Sequence[int], time: int | None) -> None:
        self._path = path
        self._dialect = dialect
        self._used = list(used)
        self._time = time

    def parse(self, lines: list[str], first_line: int) -> Rows:
        values = self._fast(lines)
        if values is not None and len(values) == len(lines) and not np.isinf(values).any():
            return Rows(values, np.arange(first_line, first_line + len(lines)))
        return self._careful(lines, first_line)

    def _fast(self, lines: list[str]) -> NDArray[np.float64] | None:
        dialect = self._dialect
        clean = lines if dialect.decimal == "." else [line.replace(",", ".") for line in lines]
        if dialect.delimiter is not None:
            seen = sum(line.count(dialect.delimiter) for line in lines)
            if seen != len(lines) * (len(dialect.columns) - 1):
                return None  # some row has more or fewer fields
        try:
            return np.loadtxt(
                clean,
                delimiter=dialect.delimiter,
                comments=None,
                usecols=None if dialect.delimiter is None else self._used,
                ndmin=2,
            )[:, self._used if dialect.delimiter is None else slice(None)]
        except (ValueError, IndexError):
            return None

    def _careful(self, lines: list[str], first_line: int) -> Rows:
        found: list[list[float]] = []
        numbers: list[int] = []
        for line, row in self._fields(lines, first_line):
            if not any(row) and (self._time is not None or len(row) < 2):
                continue  # a blank line; of a file without times, empty fields are a sample
            where = f"{self._path}:{line}"
            self._check_width(row, where)
            found.append([self._value(row[column], column, where) for column in self._used])
            numbers.append(line)
        values = np.array(found, np.float64).reshape(-1, len(self._used))
        return Rows(values, np.array(numbers, np.int64))

    def _fields(self, lines: list[str], first_line: int) -> Iterator[tuple[int, list[str]]]:
        if self._dialect.delimiter is None:
            yield from ((first_line + i, line.split()) for i, line in enumerate(lines))
            return
        rows = csv.reader(lines, delimiter=self._dialect.delimiter)
        try:
            for row in rows:
                yield first_line + rows.line_num - 1, [cell.strip() for cell in row]
        except csv.Error as error:
            where = f"{self._path}:{first_line + rows.line_num - 1}"
            raise RecordError("bad-value", "row", str(error), where) from None

    def _check_width(self, row: list[str], where: str) -> None:
        width = len(self._dialect.columns)
        if len(row) == width + 1 and not row[-1]:
            return  # a separator at the end of the row
        if len(row) != width:
            says = "the header" if self._dialect.named else "the first row"
            raise RecordError(
                "bad-value", "row", f"{len(row)} fields where {says} has {width}", where
            )

    def _value(self, cell: str, column: int, where: str) -> float:
        name = self._dialect.columns[column].name or f"column {column + 1}"
        if cell.lower() in MISSING:
            if column == self._time:
                raise RecordError("bad-value", name, "a row without its time", where)
            return math.nan
        value = number_of(cell, self._dialect.decimal)
        if value is None and column == self._time:
            value = clock(cell)
        if value is None:
            raise RecordError("bad-value", name, f"{cell[:40]!r} is no number", where)
        if not math.isfinite(value):
            raise RecordError("bad-value", name, f"{cell!r} is not finite", where)
        return value
