"""How a worker takes up where another left off: checkpoints, books, and a replay in between.

    checkpoint of a patient     book of the patient         committed position
    ────┼───────────────────────────┼───────────────────────────┼──────────► sample log
        │ engine only: the book      │ engine and book: they say │ live
        │ has seen these records     │ nothing new               │

What the replay brings forth was published before; only an engine of another version may decide
differently, and then the transitions of alarms, which change the books, are news.
"""

import asyncio
import logging
from typing import Final

from ecg.messages import Alarm
from stream.engine.events import Event
from stream.log import Log, Record, Topic
from stream.store import Loaded, Store, unpack_book
from stream.worker import reading
from stream.worker.turn import Shift

REPLAY_SECONDS: Final = 120.0
"""What is replayed of a stream whose checkpoint is of another version of the engine."""
RECORDS: Final = 4096
"""Records of a poll."""

_log = logging.getLogger("beatwire.worker")


class Takeover:
    """Brings a fresh shift to the place where the last worker committed.

    Attributes:
        positions: where to read on, by topic.
        news: what an engine of another version decided differently, to be published.
        rewound: whether a position lies before the one committed, as the log is another.

    Args:
        log: to replay from.
        store: where the last worker committed to.
        shift: with a fresh ward.
        partition: of samples and commands.
        now: seconds since 1970.
    """

    def __init__(self, log: Log, store: Store, shift: Shift, partition: int, now: float) -> None:
        self.positions: dict[str, int] = {}
        self.news: list[Event] = []
        self.rewound = False
        self._log = log
        self._store = store
        self._shift = shift
        self._partition = partition
        self._now = now
        self._restored: dict[str, int] = {}
        self._known: dict[str, int] = {}

    async def run(self, loaded: Loaded) -> None:
        """Take over what the store has.

        Raises:
            LogError, StoreError: log or store failed.
        """
        for topic in (Topic.SAMPLES, Topic.COMMANDS):
            self.positions[topic.value] = await self._position(topic, loaded)
        await asyncio.to_thread(self._restore, loaded)
        await self._replay(foreign=len(self._restored) < len(loaded.checkpoints))
        await asyncio.to_thread(self._miss_strips)

    async def _position(self, topic: Topic, loaded: Loaded) -> int:
        """Where to read on; a log that ends before is not the one that was read."""
        begin = await self._log.begin(topic, self._partition)
        end = await self._log.end(topic, self._partition)
        position = loaded.positions.get(topic.value, begin)
        if position <= end:
            return position
        self.rewound = True
        _log.error("%s ends at %d, before %d: reading it from %d", topic, end, position, begin)
        return begin

    def _restore(self, loaded: Loaded) -> None:
        """Checkpoints and books; what cannot be read is begun anew, loudly."""
        position = self.positions[Topic.SAMPLES.value]
        for patient, blob in loaded.books.items():
            try:
                state = unpack_book(blob)
                self._shift.recall(patient, state.book)
            except ValueError as error:
                _log.error("%s: %s", patient, error)
                continue
            self._known[patient] = state.position
        for checkpoint in loaded.checkpoints:
            if checkpoint.offset <= position and self._shift.restore(checkpoint, self._now):
                self._restored[checkpoint.patient] = checkpoint.offset

    async def _replay(self, *, foreign: bool) -> None:
        """Bring engine and book from their checkpoints to the position."""
        position = self.positions[Topic.SAMPLES.value]
        begin = min(self._restored.values(), default=position)
        if foreign:
            recent = round((self._now - REPLAY_SECONDS) * 1000)
            begin = min(begin, await self._log.offset_at(Topic.SAMPLES, recent, self._partition))
        begin = max(begin, await self._log.begin(Topic.SAMPLES, self._partition))
        patients = await self._read(begin, position)
        self.news += self._shift.replayed(patients, self._now)
        told = "took over partition %d at %d after a replay of %d records"
        _log.info(told, self._partition, position, position - begin)

    async def _read(self, begin: int, position: int) -> set[str]:
        """Push the records begin <= offset < position again; returns of whom they were."""
        patients: set[str] = set()
        if begin >= position:
            return patients
        reader = self._log.reader(Topic.SAMPLES, {self._partition: begin})
        try:
            while (left := position - reader.position(self._partition)) > 0:
                records = await reading.poll(reader, min(RECORDS, left), 1.0)
                patients |= await asyncio.to_thread(self._push, records)
        finally:
            await reader.close()
        return patients

    def _push(self, records: list[Record]) -> set[str]:
        """Push what comes after each patient's checkpoint; returns whom that was."""
        fresh = [r for r in records if r.offset >= self._restored.get(r.key, 0)]
        told = [r for r in fresh if r.offset >= self._known.get(r.key, 0)]
        seen = [r for r in fresh if r.offset < self._known.get(r.key, 0)]
        self._shift.samples(reading.arrivals(seen), live=False)
        events = self._shift.samples(reading.arrivals(told))
        self.news += [event for event in events if isinstance(event, Alarm)]
        return {record.key for record in fresh}

    def _miss_strips(self) -> None:
        """Alarms of the last worker's may still want their strip."""
        book = self._shift.ward.book
        alarms = [
            alarm
            for patient in book.patients()
            for alarm in (*book.alarms(patient), *book.lingering(patient))
        ]
        complete = self._store.history.with_strip([alarm.id for alarm in alarms])
        for alarm in alarms:
            if alarm.id not in complete:
                self._shift.want(alarm)
