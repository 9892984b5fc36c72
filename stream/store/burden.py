"""Alarm burden: how many alarms a bed had on a day, by kind, and how many of them were false."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from stream.store import tables
from stream.store.database import Database
from stream.store.types import Burden

DAY: Final = 86_400.0
PAGE: Final = 1000


class _Place(msgspec.Struct):
    """What is asked of an alarm's body."""

    bed: str = ""


_PLACE: Final = msgspec.json.Decoder(_Place)


def burden(
    database: Database, since: float, until: float, *, unit: str = "", east: float = 0.0
) -> list[Burden]:
    """Count the alarms with since <= onset < until, by day, bed and kind.

    Args:
        database: of the store.
        since: seconds since 1970.
        until: seconds since 1970.
        unit: only of this one; empty for all.
        east: seconds by which the asker's clock is ahead of UTC: where days begin.
    """
    counts: dict[tuple[int, str, str, str, str], list[int]] = {}
    with database.reading() as conn:
        verdicts = _verdicts(conn, since, until)
        for row in _rows(conn, since, until, unit):
            bed = _PLACE.decode(row.body).bed
            day = int((row.onset_time + east) // DAY)
            count = counts.setdefault((day, row.unit, bed, row.patient, row.kind), [0, 0, 0, 0])
            verdict = verdicts.get(row.id)
            count[0] = max(count[0], row.priority)
            count[1] += 1
            count[2] += verdict is not None
            count[3] += verdict == "wrong"
    return [Burden(*key, *count) for key, count in sorted(counts.items())]


def _rows(conn: sa.Connection, since: float, until: float, unit: str) -> Iterator[Any]:
    column = tables.alarms.c
    query = sa.select(
        column.id,
        column.patient,
        column.unit,
        column.kind,
        column.priority,
        column.onset_time,
        column.body,
    ).where(column.onset_time >= since, column.onset_time < until)
    if unit:
        query = query.where(column.unit == unit)
    yield from conn.execution_options(yield_per=PAGE).execute(query)


def _verdicts(conn: sa.Connection, since: float, until: float) -> dict[str, str]:
    """The latest word on each alarm of that time."""
    column = tables.feedback.c
    query = (
        sa.select(column.alarm, column.verdict)
        .where(column.about == "alarm", column.time >= since, column.time < until)
        .order_by(column.at, column.id)
    )
    return {row.alarm: row.verdict for row in conn.execute(query)}
