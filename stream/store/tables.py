"""The tables of the store, for SQLite and PostgreSQL alike.

`partition` is a partition of the sample log: what one worker owns and commits as a whole. Times
are seconds since 1970 (UTC), offsets are positions in the log.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

REVISION: Final = "0004"
"""The last migration (migrations/versions), which makes the tables what they are here."""

SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only in a column that is INTEGER to the letter."""

metadata = MetaData()

owners = Table(
    "owners",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("patient", Text, primary_key=True),
    Column("engine", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

books = Table(
    "books",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("patient", Text, primary_key=True),
    Column("saved_at", Double, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("update_no", Integer, nullable=False),
    Column("patient", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("onset_sample", BigInteger, nullable=False),
    Column("onset_time", Double, nullable=False),
    Column("detected_time", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("alarms_by_patient", "patient", "onset_time"),
    Index("alarms_by_onset", "onset_time"),
    Index("alarms_by_state", "state", "onset_time"),
)

ALARM_COLUMNS: Final = tuple(column.name for column in alarms.columns if column.name != "body")
"""The fields of an alarm that have a column; all of them are in its body."""

strips = Table(
    "strips",
    metadata,
    Column("alarm", Text, primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("partition", Integer, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("published_at", Double),
)
Index(
    "outbox_pending",
    outbox.c.seq,
    sqlite_where=outbox.c.published_at.is_(None),
    postgresql_where=outbox.c.published_at.is_(None),
)
Index("outbox_published", outbox.c.published_at)

bed_claims = Table(
    "bed_claims",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("bed", Text, primary_key=True),
    Column("patient", Text, nullable=False, index=True),
)
"""Who is about to be admitted where; who lies there already stands in `patients`."""

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("done_at", Double, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("at", Double, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("sample", BigInteger, nullable=False),
    Column("time", Double, nullable=False),
    Column("label", Text, nullable=False),
    Column("alarm", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("strip", LargeBinary),
    Index("feedback_by_patient", "patient", "at"),
    Index("feedback_by_alarm", "alarm", "at"),
)

drift = Table(
    "drift",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("columns", Integer, nullable=False),
    Column("counts", LargeBinary, nullable=False),
)

trends = Table(
    "trends",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("rate_min", Double),
    Column("rate_mean", Double),
    Column("rate_max", Double),
    Column("beats", Integer, nullable=False),
    Column("v_beats", Integer, nullable=False),
    Column("s_beats", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("bed", Text, nullable=False),
    Column("admitted_at", Double, nullable=False),
    Column("discharged_at", Double),
    Column("body", Text, nullable=False),
    Index("patients_by_unit", "unit"),
)
