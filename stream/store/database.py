"""The database under the store: how it is opened, how a transaction begins, the upsert.

SQLite by default (WAL, every commit synced), PostgreSQL by URL. The driver's own errors end
here: callers meet `StoreError`, in which no password and no row's content stands.

What holds on both, and how:

- A writer that read something writes on what it read. SQLite has one writer at a time, from BEGIN
  on. On PostgreSQL writers run in READ COMMITTED and lock the row that guards the rest (`owners`,
  SELECT … FOR UPDATE): who had to wait for the lock sees the row as it was committed meanwhile.
  A serializable level would refuse the one that waited instead.
- A reader sees one moment: WAL's snapshot; REPEATABLE READ, read only.
- Nobody waits for ever: a writer that stands still within a transaction (a stopped process, a
  machine that is gone) loses it after IDLE_S, and with it the partition's lock; at the latest when
  somebody else claims the partition (`free`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from stream.store import schema
from stream.store.types import StoreError

BUSY_S: Final = 5.0
"""How long one of the two processes that write an SQLite store waits for the other."""

IDLE_S: Final = 5.0
"""How long a transaction on PostgreSQL may stand still: a worker's turn takes some 50 ms, and a
partition must change hands within 20 s."""

CONNECT_S: Final = 5
"""How long a connection to PostgreSQL may take to come about."""

DRIVER: Final = "postgresql+psycopg"

_FREE: Final = sa.text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND usename = current_user
      AND xact_start < clock_timestamp() - make_interval(secs => :seconds)
      AND pid IN (SELECT pid FROM pg_locks WHERE granted AND relation = to_regclass(:table)
                  AND mode IN ('RowShareLock', 'RowExclusiveLock'))
""")
"""The modes are those of SELECT … FOR UPDATE and of an upsert."""

Row = Mapping[str, Any]


class Database:
    """A database with our tables in it; used from any thread."""

    def __init__(self, url: str | Path) -> None:
        """Open, and make the tables if there are none.

        Args:
            url: SQLAlchemy URL, or the path of an SQLite file.

        Raises:
            StoreTooNew: made by a newer version.
            StoreError: it cannot be opened.
        """
        if isinstance(url, Path):
            url.parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{url}"
        self._engine, self._readers = _engines(_parse(url))
        try:
            with self.writing() as conn:
                schema.prepare(conn)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that commits at the end, or not at all."""
        with _typed(), self._engine.begin() as conn:
            yield conn

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one moment and keeps no writer waiting."""
        with _typed(), self._readers.begin() as conn:
            yield conn


def free(conn: sa.Connection, table: sa.Table) -> None:
    """End the sessions that have held a lock in a table for longer than any transaction of ours takes.

    PostgreSQL itself ends one that stands idle within a transaction, but not one whose process was stopped in
    the midst of sending: it waits for the rest. What follows on `conn` waits for nobody longer than that.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_FREE, {"table": table.name, "seconds": IDLE_S})
        conn.exec_driver_sql(f"SET LOCAL lock_timeout = {round(IDLE_S * 1000)}")


def upsert(
    conn: sa.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    rises: str = "",
) -> int:
    """Insert rows, or replace those with the same primary key; every row has the same columns.

    With `rises`, the name of a column, a row is replaced only by one in which this is larger.
    Returns how many rows changed, which is reliable for a single row only.
    """
    if not rows:
        return 0
    statement = insert(conn, table)
    new = {
        name: statement.excluded[name] for name in rows[0] if name not in table.primary_key.columns
    }
    where = statement.excluded[rises] > table.c[rises] if rises else None
    keys = list(table.primary_key.columns)
    return _run(
        conn, statement.on_conflict_do_update(index_elements=keys, set_=new, where=where), rows
    )


def insert_new(conn: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> int:
    """Insert those rows whose `id` is not there yet; the count is reliable for one row."""
    if not rows:
        return 0
    statement = insert(conn, table)
    return _run(conn, statement.on_conflict_do_nothing(index_elements=[table.c.id]), rows)


def insert(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that knows ON CONFLICT, in the dialect at hand."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _run(conn: sa.Connection, statement: sa.Insert, rows: Sequence[Row]) -> int:
    values = [dict(row) for row in rows]
    result = conn.execute(
        statement,
        values[0] if len(values) == 1 else values,
        execution_options={"preserve_rowcount": True},
    )
    return int(result.rowcount)


@contextmanager
def _typed() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(str(error)) from error


def _parse(url: str) -> sa.URL:
    """Read a URL; neither error nor log repeats what may be a password."""
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):
        raise StoreError("the store's URL cannot be read") from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=DRIVER)
    if parsed.drivername not in {"sqlite", DRIVER}:
        raise StoreError(f"the store can be sqlite or {DRIVER}, not {parsed.drivername}")
    return parsed


def _engines(url: sa.URL) -> tuple[sa.Engine, sa.Engine]:
    """The engine for those who write, and the same for those who only read."""
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        return engine, engine.execution_options(only_reads=True)
    try:
        engine = sa.create_engine(
            url,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,  # a server that was restarted is found anew
            connect_args={
                "connect_timeout": CONNECT_S,
                "options": _options(url),
                "client_encoding": "utf8",  # of a database in SQL_ASCII texts would come as bytes
            },
        )
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs: pip install 'beatwire[postgres]'") from None
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine, engine.execution_options(**snapshot)


def _options(url: sa.URL) -> str:
    """What the URL asks of a session of PostgreSQL, and our time-out."""
    asked = url.normalized_query.get("options", ())
    return " ".join([*asked, f"-c idle_in_transaction_session_timeout={round(IDLE_S * 1000)}"])


def _set_up(dbapi: Any, _record: Any) -> None:
    """Configure a new SQLite connection; `_begin` replaces the driver's own BEGIN."""
    dbapi.isolation_level = None
    dbapi.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")
    dbapi.execute("PRAGMA journal_mode = WAL")
    dbapi.execute("PRAGMA synchronous = FULL")


def _begin(conn: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not get it later."""
    reads = conn.get_execution_options().get("only_reads", False)
    conn.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
