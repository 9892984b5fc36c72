"""The database under the store: how it is opened, how a transaction begins, the upsert.

SQLite by default (WAL, every commit synced), PostgreSQL by URL. The driver's own errors end
here: callers meet `StoreError`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from stream.store import tables
from stream.store.types import StoreError, StoreTooNew

BUSY_S: Final = 5.0
"""How long one of the two processes that write an SQLite store waits for the other."""

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
        self._engine = sa.create_engine(url)
        self.is_sqlite: bool = self._engine.dialect.name == "sqlite"
        if self.is_sqlite:
            sa.event.listen(self._engine, "connect", _set_up)
            sa.event.listen(self._engine, "begin", _begin)
        self._readers = self._engine.execution_options(only_reads=True)
        try:
            with self.writing() as conn:
                _create(conn)
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
    return int(conn.execute(statement, values[0] if len(values) == 1 else values).rowcount)


@contextmanager
def _typed() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(str(error)) from error


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


def _create(conn: sa.Connection) -> None:
    if sa.inspect(conn).has_table(tables.schema_version.name):
        version = conn.execute(sa.select(tables.schema_version.c.version)).scalar_one()
        if version > tables.VERSION:
            raise StoreTooNew(
                f"the store has version {version}, this program reads up to {tables.VERSION}"
            )
        return
    tables.metadata.create_all(conn)
    conn.execute(sa.insert(tables.schema_version).values(version=tables.VERSION))
