"""Feedback: what people say of beats and alarms, kept with the signal that it is about."""

from typing import Any

import msgspec
import sqlalchemy as sa

from ecg.messages import Strip
from stream.store import tables
from stream.store.database import Database, insert_new
from stream.store.types import Audit, Feedback, FeedbackFilter

_STRIP = msgspec.msgpack.Decoder(Strip)
_FIELDS = Feedback.__struct_fields__


class FeedbackTable:
    """The table of feedback; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, said: Feedback, strip: Strip | None) -> Feedback:
        """Keep feedback with its signal, and note it in the audit trail.

        Returns:
            What the store has under this id: the first that was said stays.
        """
        blob = msgspec.msgpack.encode(strip) if strip else None
        with self._database.writing() as conn:
            row = msgspec.structs.asdict(said) | {"strip": blob}
            if insert_new(conn, tables.feedback, [row]):
                insert_new(conn, tables.audit, [msgspec.structs.asdict(_audit(said))])
            query = _select().where(tables.feedback.c.id == said.id)
            return Feedback(**conn.execute(query).mappings().one())

    def find(self, wanted: FeedbackFilter = FeedbackFilter()) -> list[Feedback]:  # noqa: B008
        """List feedback without its signal, the latest first."""
        column = tables.feedback.c
        query = (
            _select()
            .where(*_conditions(wanted))
            .order_by(column.at.desc(), column.id)
            .limit(wanted.limit)
        )
        with self._database.reading() as conn:
            return [Feedback(**row) for row in conn.execute(query).mappings()]

    def strip(self, feedback_id: str) -> Strip | None:
        """The signal around a beat, from a minute before it, as far as it was there."""
        query = sa.select(tables.feedback.c.strip).where(tables.feedback.c.id == feedback_id)
        with self._database.reading() as conn:
            blob = conn.execute(query).scalar_one_or_none()
        return None if blob is None else _STRIP.decode(blob)


def _select() -> sa.Select[Any]:
    return sa.select(*(tables.feedback.c[name] for name in _FIELDS))


def _conditions(wanted: FeedbackFilter) -> list[sa.ColumnElement[bool]]:
    column = tables.feedback.c
    exact = ("patient", "alarm", "about", "verdict", "by")
    conditions = [column[name] == value for name in exact if (value := getattr(wanted, name))]
    if wanted.since is not None:
        conditions.append(column.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(column.at < wanted.until)
    return conditions


def _audit(said: Feedback) -> Audit:
    subject = said.alarm or f"{said.session}:{said.sample} is {said.label}"
    return Audit(
        id=f"feedback:{said.id}",
        at=said.at,
        who=said.by,
        what=f"feedback: {said.about} {said.verdict}",
        patient=said.patient,
        detail=f"{subject} {said.note}".strip(),
    )
