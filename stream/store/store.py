"""The store: what must outlive a worker, guarded by an epoch, and what people ask for later.

Synchronous; call it from a thread. Every call is one transaction, durable when it returns.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from stream.store import tables
from stream.store.database import Database, free, insert, insert_new
from stream.store.drift import DriftTable
from stream.store.feedback import FeedbackTable
from stream.store.history import History
from stream.store.prune import prune
from stream.store.transaction import Transaction
from stream.store.types import Audit, Checkpoint, Fenced, Keep, Loaded, Pending


class Store:
    """The store of one installation. Close it at the end, or use it in a `with`."""

    def __init__(self, url: str | Path, clock: Callable[[], float] = time.time) -> None:
        """Open, and make the tables if there are none.

        Args:
            url: SQLAlchemy URL, or the path of an SQLite file.
            clock: Unix time in s.

        Raises:
            StoreTooNew: made by a newer version.
            StoreError: it cannot be opened.
        """
        self._database = Database(url)
        self._clock = clock
        self.history = History(self._database)
        self.feedback = FeedbackTable(self._database)
        self.drift = DriftTable(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    # The worker.

    def claim(self, partition: int) -> int:
        """Become the partition's owner: returns the new epoch; every earlier one is fenced.

        Raises:
            StoreError: another session holds the partition; it is ended by the claim that follows.
        """
        owners = tables.owners
        with self._database.writing() as conn:
            free(conn, owners)
            statement = (
                insert(conn, owners)
                .values(partition=partition, epoch=1)
                .on_conflict_do_update(
                    index_elements=[owners.c.partition], set_={"epoch": owners.c.epoch + 1}
                )
                .returning(owners.c.epoch)
            )
            return int(conn.execute(statement).scalar_one())

    @contextmanager
    def transaction(self, partition: int, epoch: int) -> Iterator[Transaction]:
        """Write as the partition's owner; committed at the end of the block, or not at all.

        Raises:
            Fenced: the epoch is not the partition's (any more).
            StoreError: the database failed; nothing was written.
        """
        with self._database.writing() as conn:
            owners = tables.owners
            # FOR UPDATE makes a claim wait for this commit; SQLite has one writer anyway.
            query = sa.select(owners.c.epoch).where(owners.c.partition == partition)
            current = conn.execute(query.with_for_update()).scalar_one_or_none()
            if current != epoch:
                raise Fenced(f"partition {partition}: epoch is {current}, not {epoch}")
            yield Transaction(conn, partition, self._clock)

    def save_checkpoints(
        self, partition: int, epoch: int, checkpoints: Sequence[Checkpoint]
    ) -> None:
        """Keep engine states, in one transaction of their own (see `transaction`)."""
        with self.transaction(partition, epoch) as tx:
            tx.save_checkpoints(checkpoints)

    def load(self, partition: int) -> Loaded:
        """Read all that is needed to go on with a partition, as of one moment."""
        with self._database.reading() as conn:
            found = {
                table.name: conn.execute(
                    sa.select(table).where(table.c.partition == partition)
                ).all()
                for table in (tables.positions, tables.checkpoints, tables.books)
            }
        return Loaded(
            positions={row.topic: row.next for row in found["positions"]},
            checkpoints=[
                Checkpoint(row.patient, row.engine, row.offset, row.blob)
                for row in found["checkpoints"]
            ],
            books={row.patient: row.blob for row in found["books"]},
        )

    # The relay.

    def pending(self, limit: int, partition: int | None = None) -> list[Pending]:
        """List what is to be published, oldest first; of one partition, or of all."""
        outbox = tables.outbox
        columns = [outbox.c[name] for name in Pending.__struct_fields__]
        query = sa.select(*columns).where(outbox.c.published_at.is_(None))
        if partition is not None:
            query = query.where(outbox.c.partition == partition)
        with self._database.reading() as conn:
            rows = conn.execute(query.order_by(outbox.c.seq).limit(limit)).all()
        return [Pending(*row) for row in rows]

    def published(self, seqs: Sequence[int]) -> None:
        """Note that these rows are in the log; call it after the append returned."""
        if not seqs:
            return
        outbox = tables.outbox
        statement = (
            sa.update(outbox)
            .where(outbox.c.seq == sa.bindparam("this"))
            .values(published_at=self._clock())
        )
        with self._database.writing() as conn:
            conn.execute(statement, [{"this": seq} for seq in seqs])

    # The gateway, and both.

    def positions(self, topic: str) -> dict[int, int]:
        """Tell up to where each partition of a topic was worked through: the next offset.

        A partition that no worker ever had is absent.
        """
        positions = tables.positions
        query = sa.select(positions.c.partition, positions.c.next).where(positions.c.topic == topic)
        with self._database.reading() as conn:
            return {row.partition: row.next for row in conn.execute(query)}

    def audit(self, what: Audit) -> None:
        """Note who did what, outside of any partition (a refused command, a login)."""
        with self._database.writing() as conn:
            insert_new(
                conn, tables.audit, [{name: getattr(what, name) for name in what.__struct_fields__}]
            )

    def prune(self, now: float, keep: Keep | None = None) -> int:
        """Remove what is older than `keep` says, a bounded portion of each class.

        Returns:
            How many rows went; 0 when there is nothing left to remove.
        """
        with self._database.writing() as conn:
            return prune(conn, now, keep or Keep())
