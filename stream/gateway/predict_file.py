"""The answer on a file of people, part by part: CSV with a line for each row, or JSON."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Final

import msgspec

from ecg.errors import WireError
from stream.gateway.people_csv import Person
from stream.gateway.verdicts import Judge, RowError, Verdict, row_error

CSV: Final = "text/csv"
PART: Final = 512
"""Rows judged at once: some 10 ms of a thread, 50 KB."""
IN_MEMORY: Final = 1 << 20
"""Bytes of errors that stay in memory until all verdicts are written; beyond it they go to the disk."""
_COPY: Final = 1 << 16

COLUMNS: Final = ("line", "probability", "label", "missing", "code", "field", "limit", "detail")
CSV_EXAMPLE: Final = "Age,Gender,QTc,QRS,Vent rate\n65,M,420.5,98.2,72\n200,F,420.5,98.2,\n"
VERDICTS_EXAMPLE: Final = (
    ",".join(COLUMNS) + "\n2,0.614,abnormal,ECG_ATRIAL_RATE,,,,\n"
    "3,,,,out_of_range,Age,<= 120,must be <= 120\n"
)


def as_csv(judge: Judge, people: Iterable[Person], threshold: float) -> Iterator[bytes]:
    """A header, then a line for each row in the file's order: its verdict or its error."""
    yield _lines([COLUMNS])
    for found in _judged(judge, people, threshold):
        yield _lines(map(_cells, found))


def as_json(judge: Judge, people: Iterable[Person], threshold: float) -> Iterator[bytes]:
    """Predictions, then errors, each in the file's order, as the batch route answers."""
    head = msgspec.json.encode({"model": judge.model_id, "threshold": threshold})
    yield head[:-1] + b',"predictions":['
    comma = b""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as errors:
        for found in _judged(judge, people, threshold):
            good = [one for one in found if isinstance(one, Verdict)]
            bad = [one for one in found if isinstance(one, RowError)]
            if good:
                yield comma + msgspec.json.encode(good)[1:-1]
                comma = b","
            if bad:
                errors.write((b"," if errors.tell() else b"") + msgspec.json.encode(bad)[1:-1])
        yield b'],"errors":['
        errors.seek(0)
        while piece := errors.read(_COPY):
            yield piece
    yield b"]}"


def _judged(
    judge: Judge, people: Iterable[Person], threshold: float
) -> Iterator[list[Verdict | RowError]]:
    """Some rows after the others, in their order."""
    source = iter(people)
    while part := list(islice(source, PART)):
        rows = [person.row for person in part if not isinstance(person.row, WireError)]
        verdicts = iter(judge.judge(rows, threshold))
        found: list[Verdict | RowError] = []
        for person in part:
            if isinstance(person.row, WireError):
                one: Verdict | RowError = row_error(person.number, person.row)
            else:
                one = next(verdicts)
            one.index, one.line = person.number, person.line
            found.append(one)
        yield found


def _cells(one: Verdict | RowError) -> tuple[object, ...]:
    if isinstance(one, RowError):
        return (one.line, "", "", "", one.code, one.field, one.limit, one.detail)
    return (one.line, one.probability, one.label, " ".join(one.missing), "", "", "", "")


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
