"""How a CSV file is written: encoding, separator, decimal sign, names and units of its columns.

Judged from the file's beginning alone. Nothing is guessed about values here.
"""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from client.formats.csv_cells import MISSING, clock, number_of
from client.formats.record import MICROVOLTS, RecordError

HEAD_BYTES: Final = 1 << 16
"""From which the dialect is judged: some hundred rows."""
MAX_COLUMNS: Final = 1024

SECONDS: Final = {"": 1.0, "s": 1.0, "sec": 1.0, "seconds": 1.0} | {
    "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "hh:mm:ss.mmm": 1.0,
}  # fmt: skip
TIME_NAMES: Final = ("time", "t", "timestamp", "seconds", "elapsed time", "datetime")
INDEX_NAMES: Final = ("", "sample", "sample #", "sample number", "index", "#", "unnamed: 0")

_SEPARATORS: Final = ("\t", ";", "|")
"""The comma comes last: it may be the decimal sign."""
_COMMENTS: Final = ("#", "%", "//")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NAME: Final = re.compile(r"^(?P<name>.*?)\s*(?:[\[(]\s*(?P<unit>[^\])]*?)\s*[\])])?$")
_DECIMAL_COMMA: Final = re.compile(r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$")
_RATE: Final = re.compile(
    r"(?:sampling[ _-]*(?:rate|freq\w*)|sample[ _-]*rate|\bfs|\brate)\s*(?:\[?hz\]?)?\s*[:=,; ]\s*"
    r"(?P<rate>\d+(?:\.\d+)?)",
    re.IGNORECASE,
)


class Column(NamedTuple):
    """A column by name; an empty unit: the header says none."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written.

    Attributes:
        encoding: for `open`.
        delimiter: between fields; None: any run of blanks.
        decimal: "." or ",".
        skip: lines before the first row.
        named: whether the file names its columns.
        columns: all of them; by number from 1 when it does not.
        rate: Hz, when a line before the rows says it.
    """

    encoding: str
    delimiter: str | None
    decimal: str
    skip: int
    named: bool
    columns: tuple[Column, ...]
    rate: float | None

    def split(self, line: str) -> list[str]:
        """The fields of one line."""
        return _split(line, self.delimiter)


def judge(path: Path) -> Dialect:
    """How the file at `path` is written.

    Raises:
        RecordError: `not-text`, or `bad-header` for a file without content.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        whole = not file.read(1)
    encoding = _encoding(head, path)
    lines = head.decode(encoding, errors="replace").splitlines()
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut
    comments = _leading_comments(lines)
    body = lines[comments:]
    if not any(line.strip() for line in body):
        raise RecordError("bad-header", "header", "the file is empty", f"{path}:1")
    delimiter, decimal = _separators(body)
    before = _lines_before_rows(body, delimiter, decimal)
    names = _header(lines[:comments], body, before, delimiter)
    columns = tuple(names or (Column(str(i + 1), "") for i in range(_width(body, delimiter))))
    if len(columns) > MAX_COLUMNS:
        limit = f"{MAX_COLUMNS} columns"
        raise RecordError("bad-header", "header", f"{len(columns)}", f"{path}:1", limit=limit)
    rate = next(
        (float(m["rate"]) for m in map(_RATE.search, lines[: comments + before]) if m), None
    )
    return Dialect(
        encoding, delimiter, decimal, comments + before, names is not None, columns, rate or None
    )


def _encoding(head: bytes, path: Path) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = _BINARY.search(head)
    if found:
        what = f"byte {found.start()} is {found[0][0]:#04x}: this is no text"
        raise RecordError("not-text", "file", what, path)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _split(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return line.split(delimiter)


def _leading_comments(lines: Sequence[str]) -> int:
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith(_COMMENTS):
            return number
    return len(lines)


def _separators(body: Sequence[str]) -> tuple[str | None, str]:
    """The delimiter and the decimal sign."""
    rows = [line for line in body[2:] or body[1:] or body if line.strip()][:50] or [*body[:1]]
    for delimiter in _SEPARATORS:
        if all(delimiter in line for line in rows):
            return delimiter, _decimal(rows, delimiter)
    blanks = [line.split() for line in rows]
    if _decimal_commas([cell for cells in blanks for cell in cells]):
        if any(len(cells) > 1 for cells in blanks):
            return None, ","
        if _is_lone_column(body, rows):
            return ";", ","  # it has no delimiter: any but the comma
    if all("," in line for line in rows):
        return ",", "."
    return (None if all(len(cells) > 1 for cells in blanks) else ","), "."


def _decimal_commas(cells: Sequence[str]) -> bool:
    """Whether these are numbers with decimal commas, among whole ones and words for missing."""
    commas = [bool(_DECIMAL_COMMA.match(cell)) for cell in cells]
    rest = [cell for cell, comma in zip(cells, commas, strict=True) if not comma]
    plain = all(cell.isdecimal() or cell.lower() in MISSING for cell in rest)
    return any(commas) and plain


def _is_lone_column(body: Sequence[str], rows: Sequence[str]) -> bool:
    """Whether `1,25` in each row is one number: one name above, or a fraction such as `,05`."""
    if "," not in body[0] and number_of(body[0], ".") is None:
        return True
    return any(
        row.partition(",")[2].startswith("0") and len(row.partition(",")[2]) > 1 for row in rows
    )


def _decimal(rows: Sequence[str], delimiter: str) -> str:
    cells = [cell for line in rows for cell in _split(line, delimiter)]
    return "," if any(_DECIMAL_COMMA.match(cell) for cell in cells) else "."


def _width(body: Sequence[str], delimiter: str | None) -> int:
    return len(_split(next(line for line in body if line.strip()), delimiter))


def _lines_before_rows(body: Sequence[str], delimiter: str | None, decimal: str) -> int:
    """Lines before the first row; the first line alone when there is none."""
    for number, line in enumerate(body):
        # Empty fields make a row, also where what parts them is blank itself, a tab.
        filled = line.strip() or (delimiter is not None and delimiter in line)
        if filled and _is_row(_split(line, delimiter), decimal):
            return number
    return 1


def _is_row(cells: Sequence[str], decimal: str) -> bool:
    missing = [cell.lower() in MISSING for cell in cells]
    if all(missing):
        return True
    present = [cell for cell, absent in zip(cells, missing, strict=True) if not absent]
    return any(number_of(c, decimal) is not None or clock(c) is not None for c in present)


def _header(
    comments: Sequence[str], body: Sequence[str], before: int, delimiter: str | None
) -> list[Column] | None:
    """Names and units; None when nothing before the rows names them."""
    heads = [line for line in body[:before] if line.strip()]
    if not heads and comments:  # NumPy writes its header as a comment
        line = comments[-1].lstrip("#%/ ")
        heads = [line] if len(_split(line, delimiter)) == _width(body, delimiter) else []
    if not heads:
        return None
    columns = [_column(cell) for cell in _split(heads[-1], delimiter)]
    if len(heads) > 1 and all(_is_unit(column.name or column.unit) for column in columns):
        names = [_column(cell) for cell in _split(heads[-2], delimiter)]
        if len(names) == len(columns):
            pairs = zip(names, columns, strict=True)
            return [Column(name.name, unit.name or unit.unit) for name, unit in pairs]
    return columns


def _column(cell: str) -> Column:
    found = _NAME.match(cell.strip().strip("'\"").strip())
    return Column(found["name"], found["unit"] or "") if found else Column(cell.strip(), "")


def _is_unit(text: str) -> bool:
    return not text or text.lower() in MICROVOLTS or text.lower() in SECONDS
