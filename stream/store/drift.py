"""What models saw, day by day: counts that every worker adds to."""

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from stream.store import tables
from stream.store.database import Database, insert

Counts = npt.NDArray[np.int64]


class DriftTable:
    """The table of counts; a day is the number of days since 1970 (UTC)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, day: int, model: str, counts: Counts) -> None:
        """Add counts to a model's of a day; of another shape they begin anew."""
        drift = tables.drift
        with self._database.writing() as conn:
            first = insert(conn, drift).values(day=day, model=model, counts=b"", columns=0)
            conn.execute(first.on_conflict_do_nothing())
            where = (drift.c.day == day, drift.c.model == model)
            row = conn.execute(sa.select(drift).where(*where).with_for_update()).one()
            known = _counts(row.counts, row.columns)
            total = counts + known if known.shape == counts.shape else counts
            blob = total.astype("<i8").tobytes()
            conn.execute(
                sa.update(drift).where(*where).values(counts=blob, columns=counts.shape[1])
            )

    def of(self, day: int, model: str) -> Counts:
        """A model's counts of a day, (0, 0) if there are none."""
        drift = tables.drift
        query = sa.select(drift).where(drift.c.day == day, drift.c.model == model)
        with self._database.reading() as conn:
            row = conn.execute(query).one_or_none()
        return _counts(row.counts, row.columns) if row else np.zeros((0, 0), np.int64)


def _counts(blob: bytes, columns: int) -> Counts:
    return np.frombuffer(blob, "<i8").astype(np.int64).reshape(-1, columns or 1)
