"""The records of the last half minute, by patient, for the strips of alarms.

On Kafka a strip that is read back costs a scan of everybody's records in the partition, 25 s of them
for each alarm. What a worker has just read it keeps here; only what was before it began, or more than
may be kept, is looked for in the log. Both ways give the same records.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from ecg.messages import Block
from stream.engine.intake import Arrived, patient_of
from stream.log import Log, Topic
from stream.worker import reading, strips
from stream.worker.strips import Wanted

KEEP_SECONDS: Final = 30.0
"""A strip is looked for from 20 s before the onset, and is complete 5 s after it."""
MAX_BYTES: Final = 256 << 20
"""Of samples: half a minute of 17,000 patients with one lead at 250 Hz."""
STRIP_RECORDS: Final = 2000
"""Bound on the records that one strip is looked for in: 15 s in blocks of 20 ms, and backfill."""


class Recent:
    """What a worker has read of its partition lately."""

    def __init__(self, log: Log, partition: int) -> None:
        self._log = log
        self._partition = partition
        self._order: deque[Arrived] = deque()
        self._patients: dict[str, deque[Arrived]] = {}
        self._bytes = 0
        self._after = math.inf
        """All records that the log took later than this are here."""

    async def begin(self, offset: int) -> None:
        """The worker reads on from here; nothing is missing if that is where the log begins."""
        if offset == await self._log.begin(Topic.SAMPLES, self._partition):
            self._after = -math.inf

    def take(self, arrivals: Sequence[Arrived]) -> None:
        """Keep what was read; let go what is too old, or too much."""
        if not arrivals:
            return
        if self._after == math.inf:  # the first: the log may have taken others at its time
            self._after = arrivals[0][1]
        for arrived in arrivals:
            self._order.append(arrived)
            self._patients.setdefault(patient_of(arrived[0]), deque()).append(arrived)
            self._bytes += _size(arrived)
        oldest = arrivals[-1][1] - KEEP_SECONDS
        while self._order and (self._order[0][1] < oldest or self._bytes > MAX_BYTES):
            self._drop()

    def _drop(self) -> None:
        arrived = self._order.popleft()
        patient = patient_of(arrived[0])
        self._patients[patient].popleft()
        if not self._patients[patient]:
            del self._patients[patient]
        self._bytes -= _size(arrived)
        self._after = max(self._after, arrived[1])

    async def signal(self, wanted: Wanted, until: float) -> list[Block]:
        """The blocks of a patient around a strip that had arrived by `until`."""
        start_ms = round((wanted.time - 2 * strips.BEFORE_SECONDS) * 1000)
        if start_ms / 1000 > self._after:
            kept = self._patients.get(wanted.patient, ())
            found = [arrived for arrived in kept if arrived[1] >= start_ms / 1000][:STRIP_RECORDS]
        else:
            found = await self._read(wanted.patient, start_ms)
        return [record for record, now in found if isinstance(record, Block) and now <= until]

    async def _read(self, patient: str, start_ms: int) -> list[Arrived]:
        offset = await self._log.offset_at(Topic.SAMPLES, start_ms, self._partition)
        records = await self._log.by_key(Topic.SAMPLES, patient, offset, STRIP_RECORDS)
        return reading.arrivals(records)


def _size(arrived: Arrived) -> int:
    return len(arrived[0].payload) if isinstance(arrived[0], Block) else 0
