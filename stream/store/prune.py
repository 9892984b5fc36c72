"""Retention by class of data: what goes when, in portions that hold nobody up."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from stream.store import tables as t
from stream.store.history import ENDED
from stream.store.types import Keep

MAX_FEEDBACK: Final = 20_000
"""Some 600 MB with their signals; whoever may post must not fill the disk."""
DRIFT_DAYS: Final = 400
"""A year of what models saw, 8 KB a day."""
PORTION: Final = 2000
"""Rows of a class that go at a time: some 20 ms of SQLite, during which a writer waits."""


def prune(conn: sa.Connection, now: float, keep: Keep) -> int:
    """Remove a portion of what is too old, of every class; returns how many rows went."""
    rules = (
        (t.trends, t.trends.c.minute < (now - keep.trends) // 60),
        (t.audit, t.audit.c.at < now - keep.audit),
        (t.commands, t.commands.c.done_at < now - keep.commands),
        (t.feedback, t.feedback.c.at < max(now - keep.feedback, _oldest_feedback(conn))),
        (t.drift, t.drift.c.day < now // 86_400 - DRIFT_DAYS),
        (t.outbox, t.outbox.c.published_at < now - keep.outbox),
        (t.checkpoints, _silent(t.checkpoints, now - keep.states)),
        (t.books, _silent(t.books, now - keep.states)),
    )
    return _remove_alarms(conn, now - keep.alarms) + sum(
        _remove(conn, table, rule) for table, rule in rules
    )


def _remove_alarms(conn: sa.Connection, limit: float) -> int:
    """Remove ended alarms of before `limit`, with their strips."""
    alarms = t.alarms.c
    old = sa.select(alarms.id).where(alarms.state == ENDED, alarms.onset_time < limit)
    ids = [alarm for (alarm,) in _portion(conn, old)]
    conn.execute(sa.delete(t.strips).where(t.strips.c.alarm.in_(ids)))
    conn.execute(sa.delete(t.alarms).where(alarms.id.in_(ids)))
    return len(ids)


def _oldest_feedback(conn: sa.Connection) -> float:
    """Time of the oldest of the newest MAX_FEEDBACK."""
    at = t.feedback.c.at
    query = sa.select(at).order_by(at.desc()).offset(MAX_FEEDBACK - 1).limit(1)
    return float(conn.execute(query).scalar_one_or_none() or 0.0)


def _silent(table: sa.Table, limit: float) -> sa.ColumnElement[bool]:
    """States not saved since `limit` of patients without an open alarm."""
    alarmed = sa.select(t.alarms.c.patient).where(t.alarms.c.state != ENDED)
    return sa.and_(table.c.saved_at < limit, table.c.patient.not_in(alarmed))


def _remove(conn: sa.Connection, table: sa.Table, rule: sa.ColumnElement[bool]) -> int:
    keys = list(table.primary_key.columns)
    found = _portion(conn, sa.select(*keys).where(rule))
    chosen = keys[0].in_([key for key, *_ in found])
    if len(keys) > 1:
        chosen = sa.tuple_(*keys).in_([tuple(row) for row in found])
    return int(conn.execute(sa.delete(table).where(chosen)).rowcount) if found else 0


def _portion(conn: sa.Connection, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    """Choose rows, but none that a worker is writing: who waits for nobody is in no deadlock."""
    return conn.execute(query.limit(PORTION).with_for_update(skip_locked=True)).all()
