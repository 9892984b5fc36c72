"""What people ask the store: alarms with their strips, trends, the audit trail, who lies where."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from ecg.messages import Admit, Alarm, Strip
from ecg.wire import Codec
from stream.store import tables
from stream.store.books import Bed, bed_of
from stream.store.burden import burden
from stream.store.database import Database
from stream.store.types import Admission, AlarmFilter, Audit, Burden, Trend

ENDED = "ended"
PORTION = 5000
"""Ids in one question: databases take some 30,000."""

_ALARM = Codec(Alarm)
_ADMIT = Codec(Admit)
_STRIP = msgspec.msgpack.Decoder(Strip)


class History:
    """Read-only questions; each sees one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alarms(self, wanted: AlarmFilter = AlarmFilter()) -> list[Alarm]:  # noqa: B008 - immutable
        """List alarms as of their last update, without strips, the latest onset first."""
        alarms = tables.alarms
        query = (
            sa.select(alarms.c.body)
            .where(*_conditions(wanted))
            .order_by(alarms.c.onset_time.desc(), alarms.c.id)
            .limit(wanted.limit)
        )
        with self._database.reading() as conn:
            bodies = conn.execute(query).scalars().all()
        return [_ALARM.decode(body) for body in bodies]

    def alarm(self, alarm_id: str) -> Alarm | None:
        """Give one alarm, with its strip as far as there is one."""
        alarms, strips = tables.alarms, tables.strips
        query = (
            sa.select(alarms.c.body, strips.c.blob)
            .join_from(alarms, strips, strips.c.alarm == alarms.c.id, isouter=True)
            .where(alarms.c.id == alarm_id)
        )
        with self._database.reading() as conn:
            row = conn.execute(query).one_or_none()
        if row is None:
            return None
        alarm: Alarm = _ALARM.decode(row.body)
        if row.blob is None:
            return alarm
        return msgspec.structs.replace(alarm, strip=_STRIP.decode(row.blob))

    def with_strip(self, alarm_ids: Sequence[str]) -> set[str]:
        """Which of these alarms have a strip."""
        strips = tables.strips.c.alarm
        found: set[str] = set()
        with self._database.reading() as conn:
            for begin in range(0, len(alarm_ids), PORTION):
                asked = alarm_ids[begin : begin + PORTION]
                found.update(conn.execute(sa.select(strips).where(strips.in_(asked))).scalars())
        return found

    def trends(self, patient: str, first: int, end: int) -> list[Trend]:
        """List the minutes first <= minute < end of a patient; minutes without data are absent."""
        trends = tables.trends
        query = (
            sa.select(trends)
            .where(trends.c.patient == patient, trends.c.minute >= first, trends.c.minute < end)
            .order_by(trends.c.minute)
        )
        with self._database.reading() as conn:
            return [Trend(**row) for row in conn.execute(query).mappings()]

    def burden(
        self, since: float, until: float, *, unit: str = "", east: float = 0.0
    ) -> list[Burden]:
        """Count the alarms with since <= onset < until, by day, bed and kind (see `burden`)."""
        return burden(self._database, since, until, unit=unit, east=east)

    def audit(
        self, *, patient: str = "", before: float | None = None, limit: int = 100
    ) -> list[Audit]:
        """List who did what, the latest first."""
        audit = tables.audit
        query = sa.select(*(audit.c[name] for name in Audit.__struct_fields__))
        if patient:
            query = query.where(audit.c.patient == patient)
        if before is not None:
            query = query.where(audit.c.at < before)
        query = query.order_by(audit.c.at.desc(), audit.c.seq.desc()).limit(limit)
        with self._database.reading() as conn:
            return [Audit(**row) for row in conn.execute(query).mappings()]

    def command(self, command_id: str) -> bytes | None:
        """Give the result of a command that was carried out."""
        query = sa.select(tables.commands.c.result).where(tables.commands.c.id == command_id)
        with self._database.reading() as conn:
            return conn.execute(query).scalar_one_or_none()

    def patients(self, *, unit: str = "", present_only: bool = True) -> list[Admission]:
        """List patients by unit and bed."""
        patients = tables.patients
        query = sa.select(patients).order_by(patients.c.unit, patients.c.bed, patients.c.patient)
        if unit:
            query = query.where(patients.c.unit == unit)
        if present_only:
            query = query.where(patients.c.discharged_at.is_(None))
        with self._database.reading() as conn:
            rows = conn.execute(query).all()
        return [Admission(_ADMIT.decode(row.body), row.discharged_at) for row in rows]

    def beds(self) -> dict[str, tuple[Bed, float]]:
        """Give what alarm books say of their beds, and when each was last kept, by patient."""
        books = tables.books
        with self._database.reading() as conn:
            rows = conn.execute(sa.select(books.c.patient, books.c.blob, books.c.saved_at)).all()
        kept = [(row.patient, bed_of(row.blob), row.saved_at) for row in rows]
        return {patient: (bed, saved_at) for patient, bed, saved_at in kept if bed is not None}


def _conditions(wanted: AlarmFilter) -> list[sa.ColumnElement[bool]]:
    column = tables.alarms.c
    conditions: list[sa.ColumnElement[bool]] = [
        column[name].in_(values)
        for name, values in (
            ("patient", wanted.patients),
            ("unit", wanted.units),
            ("kind", wanted.kinds),
            ("state", wanted.states),
        )
        if values
    ]
    if wanted.min_priority:
        conditions.append(column.priority >= wanted.min_priority)
    if wanted.since is not None:
        conditions.append(column.onset_time >= wanted.since)
    if wanted.until is not None:
        conditions.append(column.onset_time < wanted.until)
    if wanted.open_only:
        conditions.append(column.state != ENDED)
    return conditions
