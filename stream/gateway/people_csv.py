"""People in a CSV file: whatever dialect it has, row by row, each with its line or its error.

Known are comma, semicolon, tab and bar as separators; UTF-8, UTF-16 with its mark, and single-byte
encodings as far as the columns that count are ASCII; header names with any case and punctuation, units
in brackets, and the usual short forms; decimal commas where the separator is another; empty cells,
NaN, NA, null and - for "not measured". Other columns are ignored.
"""

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

from ecg.errors import WireError
from inference.intervals.inputs import INPUTS, NAMES, REQUIRED
from inference.intervals.person import Row, convert

DELIMITERS: Final = ",;\t|"
MAX_LINE: Final = 65_536
"""Characters of a line: 13 columns need 300, a file of other things must not fill the memory."""

_SHORT: Final = {
    "Age": ("age years",),
    "Gender": ("sex",),
    "ECG_QTC_INTERVAL": ("qtc", "qtc interval"),
    "ECG_QRS_DURATION": ("qrs",),
    "ECG_VENT_RATE": ("vent rate", "heart rate", "hr"),
    "ECG_QT_INTERVAL": ("qt",),
}
_ABSENT: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "?"})
_GENDERS: Final = {"f": "F", "female": "F", "m": "M", "male": "M"}
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Person(NamedTuple):
    """One row of the file: its number from 0, the line on which it begins, its values or error."""

    number: int
    line: int
    row: Row | WireError


class People:
    """The people in a file that stands at its beginning; it is read once.

    Args:
        file: seekable.

    Raises:
        WireError: it is empty, binary, or its header lacks a required column.
    """

    def __init__(self, file: BinaryIO) -> None:
        mark = file.read(2)
        file.seek(0)
        encoding = "utf-16" if mark in _UTF16 else "utf-8-sig"
        text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
        lines = _lines(text)
        head = next(filter(str.strip, lines), "")
        if not head:
            raise WireError("malformed", "the file is empty")
        if "\0" in head or _looks_binary(head):
            raise WireError("malformed", "this is no text file", limit="CSV in UTF-8 or UTF-16")
        self._delimiter = max(DELIMITERS, key=head.count)
        reader = csv.reader(chain([head], lines), delimiter=self._delimiter)
        self._header = _cells(reader)
        self._columns = _columns(self._header)
        self._reader = reader
        self._text = text  # closing it would close the file, which is the caller's

    def __iter__(self) -> Iterator[Person]:
        """Row by row; what cannot be parsed is an error of its row, a line too long the last one."""
        index = 0
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader, None)
                if cells is None:
                    return
                if not any(map(str.strip, cells)):
                    continue
                found: Row | WireError = self._row(cells)
            except csv.Error as error:
                found = WireError("malformed", f"cannot be split into cells: {error}")
            except WireError as error:
                found = error
            yield Person(index, line, found)
            index += 1

    def _row(self, cells: list[str]) -> Row:
        if len(cells) != len(self._header):
            text = f"{len(cells)} cells where the header has {len(self._header)}"
            raise WireError("mismatch", text, limit=f"{len(self._header)} cells")
        values = {}
        for name, column in self._columns.items():
            value = self._value(name, cells[column].strip())
            if value is not None:
                values[name] = value
        return convert(values)

    def _value(self, name: str, cell: str) -> float | str | None:
        """The cell's value; None where nothing was measured."""
        if cell.lower() in _ABSENT:
            return None
        if name == "Gender":
            return _GENDERS.get(cell.lower(), cell[:16])
        number = cell if self._delimiter == "," else cell.replace(",", ".")
        try:
            value = math.nan if "_" in number else float(number)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise WireError("wrong_type", f"{cell[:32]!r} is no number", field=name, limit="number")
        if math.isinf(value):
            raise WireError("not_finite", f"{cell[:32]!r} is too large", field=name, limit="finite")
        return value


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with their ends; a line that never ends is refused before it fills the memory."""
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            limit = f"{MAX_LINE} characters"
            raise WireError("too_large", "a line has no end; nothing after it is read", limit=limit)
        yield line


def _looks_binary(head: str) -> bool:
    """Whether control characters or undecodable bytes are more than a stray one in forty."""
    odd = sum(c == "\ufffd" or (not c.isprintable() and not c.isspace()) for c in head)
    return odd * 40 > len(head)


def _cells(reader: Iterator[list[str]]) -> list[str]:
    try:
        return next(reader)
    except csv.Error as error:
        raise WireError("malformed", f"the header cannot be split: {error}") from None


def _columns(header: list[str]) -> dict[str, int]:
    """Where each measurement stands."""
    found: dict[str, int] = {}
    for place, title in enumerate(header):
        name = _TITLES.get(_plain(title))
        if name is None:
            continue
        if name in found:
            text = f"columns {found[name] + 1} and {place + 1} are both {name}"
            raise WireError("mismatch", text, field=name, limit="one column")
        found[name] = place
    lacking = [name for name in REQUIRED if name not in found]
    if lacking:
        text = f"the header has no column {', '.join(lacking)}"
        raise WireError("missing_field", text, field=lacking[0], limit=", ".join(REQUIRED))
    return {name: found[name] for name in NAMES if name in found}


def _plain(title: str) -> str:
    """Letters and digits only; a unit in brackets goes."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"[\[(].*", "", title.lower()))


_TITLES: Final = {
    _plain(title): one.name
    for one in INPUTS
    for title in (one.name, one.name.removeprefix("ECG_"), one.column, *_SHORT.get(one.name, ()))
}
"""What a header may call each measurement → its name."""
