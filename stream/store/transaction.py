"""One transaction of the worker: everything in it is kept together or not at all.

Every method is an upsert by a deterministic key, so a replay of transactions after a crash, in
their order from any earlier one on, ends in the same tables.
"""

from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from ecg.messages import Admit, Alarm, Discharge, Location, Strip
from ecg.wire import to_json
from stream.log.base import Entry
from stream.store import tables
from stream.store.database import insert, insert_new, upsert
from stream.store.types import Audit, Checkpoint, Trend


class Transaction:
    """What a worker may write, within `Store.transaction`."""

    def __init__(self, conn: sa.Connection, partition: int, clock: Callable[[], float]) -> None:
        self._conn = conn
        self._partition = partition
        self._clock = clock

    def save_alarms(self, alarms: Sequence[Alarm]) -> int:
        """Keep updates of alarms, oldest first, unless a later one is there; strips are kept apart.

        Returns:
            How many were news; reliable for one.
        """
        strips = [(alarm.id, alarm.strip) for alarm in alarms if alarm.strip is not None]
        upsert(self._conn, tables.strips, [_strip_row(*strip) for strip in strips])
        rows = [_alarm_row(alarm) for alarm in alarms]
        return upsert(self._conn, tables.alarms, rows, rises="update_no")

    def save_books(self, books: dict[str, bytes]) -> None:
        """Keep the alarm book's state of several patients."""
        now = self._clock()
        rows = [self._owned(patient=name, blob=blob, saved_at=now) for name, blob in books.items()]
        upsert(self._conn, tables.books, rows)

    def save_checkpoints(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Keep engine states."""
        now = self._clock()
        rows = [self._owned(**msgspec.structs.asdict(c), saved_at=now) for c in checkpoints]
        upsert(self._conn, tables.checkpoints, rows)

    def move_checkpoints(self, patients: Sequence[str], offset: int) -> None:
        """Nothing has come of these patients up to `offset`: their checkpoints stand there too."""
        checkpoints = tables.checkpoints
        statement = (
            sa.update(checkpoints)
            .where(
                checkpoints.c.partition == self._partition,
                checkpoints.c.patient == sa.bindparam("this"),
            )
            .values(offset=offset)
        )
        if patients:
            self._conn.execute(statement, [{"this": patient} for patient in patients])

    def drop_checkpoints(self, patients: Sequence[str]) -> None:
        """These patients' streams are over: there is nothing to go on with."""
        checkpoints = tables.checkpoints
        for patient in patients:
            self._conn.execute(
                sa.delete(checkpoints).where(
                    checkpoints.c.partition == self._partition, checkpoints.c.patient == patient
                )
            )

    def enqueue(self, topic: str, entries: Sequence[Entry]) -> None:
        """Put entries into the outbox; one whose id was ever enqueued (and is kept) is ignored.

        Raises:
            ValueError: an entry without id: a replay would publish it twice.
        """
        if any(entry.id is None for entry in entries):
            raise ValueError(f"entries for {topic} need ids to go through the outbox")
        rows = [self._owned(topic=topic, **msgspec.structs.asdict(entry)) for entry in entries]
        insert_new(self._conn, tables.outbox, rows)

    def finish_command(self, command_id: str, patient: str, result: bytes) -> bool:
        """Note a command as carried out; the first result stays.

        Returns:
            False if it was carried out before.
        """
        row = {
            "id": command_id,
            "patient": patient,
            "result": result,
            "done_at": self._clock(),
        }
        return insert_new(self._conn, tables.commands, [row]) > 0

    def audit(self, what: Audit) -> None:
        """Note who did what; the first note of an id stays."""
        insert_new(self._conn, tables.audit, [msgspec.structs.asdict(what)])

    def advance(self, topic: str, offset: int) -> None:
        """Move the position in `topic` to `offset`, the next to be read; never back."""
        row = self._owned(topic=topic, next=offset)
        upsert(self._conn, tables.positions, [row], rises="next")

    def rewind(self, topic: str, offset: int) -> None:
        """Move the position in `topic` to `offset` even if that is back: the log is another."""
        upsert(self._conn, tables.positions, [self._owned(topic=topic, next=offset)])

    def save_trends(self, trends: Sequence[Trend]) -> None:
        """Keep minutes."""
        upsert(self._conn, tables.trends, [msgspec.structs.asdict(trend) for trend in trends])

    def admit(self, admit: Admit) -> None:
        """Put a patient into a bed, or move them; an older command than the last is ignored."""
        row = {
            "patient": admit.patient,
            "unit": admit.location.unit,
            "bed": admit.location.bed,
            "admitted_at": admit.at,
            "discharged_at": None,
            "body": to_json(admit).decode(),
        }
        upsert(self._conn, tables.patients, [row], rises="admitted_at")

    def claim_bed(self, patient: str, place: Location) -> str:
        """Claim a bed for an admission that is about to be carried out, until `unclaim`.

        One patient in a bed, whichever worker has them: the claim is unique, and whoever asks for it while
        another's admission is committed waits, and finds that one in the bed. Asked for again, it is given
        again, so that an admission may be repeated after a crash.

        Returns:
            Who has the bed or a claim to it, if not this patient; else nothing.
        """
        claims, patients = tables.bed_claims, tables.patients
        statement = (
            insert(self._conn, claims)
            .values(unit=place.unit, bed=place.bed, patient=patient)
            .on_conflict_do_update(
                index_elements=[claims.c.unit, claims.c.bed], set_={"patient": claims.c.patient}
            )
            .returning(claims.c.patient)
        )
        holder = self._conn.execute(statement).scalar_one()
        lies = sa.select(patients.c.patient).where(
            patients.c.unit == place.unit,
            patients.c.bed == place.bed,
            patients.c.discharged_at.is_(None),
            patients.c.patient != patient,
        )
        found = self._conn.execute(lies.limit(1)).scalar_one_or_none()
        return str(found or ("" if holder == patient else holder))

    def unclaim(self, patient: str) -> None:
        """The patient's admissions are carried out or refused."""
        claims = tables.bed_claims
        self._conn.execute(sa.delete(claims).where(claims.c.patient == patient))

    def discharge(self, discharge: Discharge) -> None:
        """Note that a patient, admitted before, has left."""
        patients = tables.patients
        self._conn.execute(
            sa.update(patients)
            .where(patients.c.patient == discharge.patient, patients.c.admitted_at <= discharge.at)
            .values(discharged_at=discharge.at)
        )

    def _owned(self, **values: object) -> dict[str, object]:
        return {"partition": self._partition, **values}


def _strip_row(alarm_id: str, strip: Strip) -> dict[str, object]:
    return {"alarm": alarm_id, "blob": msgspec.msgpack.encode(strip)}


def _alarm_row(alarm: Alarm) -> dict[str, object]:
    """An alarm as its table has it; the strip is kept apart."""
    row = {name: getattr(alarm, name) for name in tables.ALARM_COLUMNS}
    row["priority"] = int(alarm.priority)
    row["body"] = to_json(msgspec.structs.replace(alarm, strip=None)).decode()
    return row
