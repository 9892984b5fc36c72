"""The tables of the first release, and the adoption of stores that were made before migrations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, Text

revision = "0001"
down_revision = None

SERIAL = BigInteger().with_variant(Integer, "sqlite")
PENDING = sa.text("published_at IS NULL")


def upgrade() -> None:
    """Make the tables; a store with a table of its version has them already."""
    if sa.inspect(op.get_bind()).has_table("schema_version"):
        op.drop_table("schema_version")
        return
    _progress()
    _alarms()
    _people()


def _progress() -> None:
    """Where each partition stands, and what a worker needs to go on with it."""
    op.create_table(
        "owners",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False),
    )
    op.create_table(
        "positions",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("topic", Text, primary_key=True),
        Column("next", BigInteger, nullable=False),
    )
    op.create_table(
        "checkpoints",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("patient", Text, primary_key=True),
        Column("engine", Text, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("saved_at", Double, nullable=False),
        Column("blob", LargeBinary, nullable=False),
    )
    op.create_table(
        "books",
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("patient", Text, primary_key=True),
        Column("saved_at", Double, nullable=False),
        Column("blob", LargeBinary, nullable=False),
    )


def _alarms() -> None:
    """Alarms, their strips, and what waits to be published."""
    op.create_table(
        "alarms",
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
    op.create_table(
        "strips",
        Column("alarm", Text, primary_key=True),
        Column("blob", LargeBinary, nullable=False),
    )
    op.create_table(
        "outbox",
        Column("seq", SERIAL, primary_key=True, autoincrement=True),
        Column("partition", Integer, nullable=False),
        Column("id", Text, nullable=False, unique=True),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("published_at", Double),
    )
    op.create_index(
        "outbox_pending", "outbox", ["seq"], sqlite_where=PENDING, postgresql_where=PENDING
    )
    op.create_index("outbox_published", "outbox", ["published_at"])


def _people() -> None:
    """What people did, how patients went along, and who lies where."""
    op.create_table(
        "commands",
        Column("id", Text, primary_key=True),
        Column("patient", Text, nullable=False),
        Column("result", LargeBinary, nullable=False),
        Column("done_at", Double, nullable=False, index=True),
    )
    op.create_table(
        "audit",
        Column("seq", SERIAL, primary_key=True, autoincrement=True),
        Column("id", Text, nullable=False, unique=True),
        Column("at", Double, nullable=False, index=True),
        Column("who", Text, nullable=False),
        Column("what", Text, nullable=False),
        Column("patient", Text, nullable=False),
        Column("detail", Text, nullable=False),
    )
    op.create_table(
        "trends",
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
    op.create_table(
        "patients",
        Column("patient", Text, primary_key=True),
        Column("unit", Text, nullable=False),
        Column("bed", Text, nullable=False),
        Column("admitted_at", Double, nullable=False),
        Column("discharged_at", Double),
        Column("body", Text, nullable=False),
        Index("patients_by_unit", "unit"),
    )
