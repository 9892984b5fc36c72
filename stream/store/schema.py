"""How the tables come to be: by migrations (Alembic), on SQLite and PostgreSQL alike.

Every start brings the store to the revision that this program was written for, in one transaction
that no other start can be in at the same time: a failed migration leaves the store as it was. Two
short cuts spare the start Alembic, which takes most of a second to import: a store that is up to
date is left alone, and an empty one gets the tables as they are now. A test holds the tables, the
short cut and the migrations to the same.
"""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from stream.store import tables
from stream.store.types import StoreTooNew

MIGRATIONS: Final = Path(__file__).parent / "migrations"

LOCK: Final = 0x62656174
"""Key of the advisory lock of PostgreSQL under which tables are made and changed."""

_stamps = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


def prepare(conn: sa.Connection) -> None:
    """Make the tables, or bring them up to date, within the transaction of `conn`.

    Raises:
        StoreTooNew: made by a newer version.
    """
    if revision(conn) == tables.REVISION:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    if sa.inspect(conn).get_table_names():
        migrate(conn)
        return
    tables.metadata.create_all(conn)
    _stamps.create(conn)
    conn.execute(sa.insert(_stamps).values(version_num=tables.REVISION))


def revision(conn: sa.Connection) -> str:
    """The migration up to which the tables were brought, empty if by none."""
    if not sa.inspect(conn).has_table(_stamps.name):
        return ""
    return str(conn.execute(sa.select(_stamps.c.version_num)).scalar_one())


def migrate(conn: sa.Connection) -> None:
    """Run the migrations that are missing.

    Raises:
        StoreTooNew: the store's revision is not among ours.
    """
    from alembic import command  # noqa: PLC0415 - see on top
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = conn
    try:
        command.upgrade(config, "head")
    except CommandError:
        found = revision(conn)
        raise StoreTooNew(
            f"the store has revision {found}, this program reads up to {tables.REVISION}"
        ) from None
