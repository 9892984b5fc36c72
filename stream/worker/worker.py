"""The worker's loop: poll → push → publish → commit, and how it takes up where another left off.

Engine and store run in a thread of their own, so that the loop's heartbeats go on. Beats and vitals
are published before the commit, under ids that make a repetition harmless; alarms and the results
of commands go through the outbox of the same transaction that moves the positions, so that they
are published exactly when they are true.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from ecg import wire
from ecg.errors import WireError
from ecg.messages import Alarm, Block, CommandDone
from stream.engine.ward import Arrived, Event, Greeted, Ward
from stream.log import Entry, Log, OffsetOutOfRange, Reader, Record, Topic
from stream.store import Loaded, Store
from stream.worker import codec, strips
from stream.worker.journal import Turn, commit
from stream.worker.strips import Wanted
from stream.worker.turn import AnyCommand, Shift

PARTITION: Final = 0
BATCH: Final = 4096
"""Records of a poll: about four seconds of a thousand patients at one block a second."""
POLL_SECONDS: Final = 0.05
"""How long a poll waits for samples; commands and deadlines are looked at as often."""
COMMANDS: Final = 256
RELAY: Final = 512
REPLAY_SECONDS: Final = 120.0
"""What is replayed of a stream whose checkpoint is of another version of the engine."""
STRIP_RECORDS: Final = 2000
"""Bound on the records that one strip is looked for in: 15 s in blocks of 20 ms, and backfill."""
TICK_DELAY: Final = 0.5
"""Deadlines are looked at so late, since records that the log took earlier may still be read."""
LAG_SECONDS: Final = 5.0
"""The analysis is late when the record at hand has waited for so long."""
PRUNE_SECONDS: Final = 60.0

_log = logging.getLogger("beatwire.worker")


class Worker:
    """Analyses one partition until it is told to stop.

    Args:
        log: opened, writes events and alarms.
        store: where positions, books and checkpoints are kept.
        ward: a fresh engine and alarm book.
        engine: version of the engine, written into checkpoints.
        every: stream seconds between two checkpoints of a patient.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        ward: Ward,
        *,
        engine: str,
        every: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._store = store
        self._ward = ward
        self._shift = Shift(ward, engine, every)
        self._engine = engine
        self._clock = clock
        self._epoch = 0
        self._late = False
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the present turn."""
        self._stopping.set()

    async def run(self) -> None:
        """Take over the partition and work.

        Raises:
            Fenced: another worker has taken the partition.
            LogError, StoreError: a turn could not be written; nothing of it counts.
        """
        samples, commands = await self._take_over()
        pruned = self._clock()
        while not self._stopping.is_set():
            await self._turn(samples, commands)
            if self._clock() > pruned + PRUNE_SECONDS:
                pruned = self._clock()
                await asyncio.to_thread(self._store.prune, pruned)

    # ── Taking over ───────────────────────────────────────────────────────────────────────────

    async def _take_over(self) -> tuple[Reader, Reader]:
        """Restore checkpoints and books, replay up to the committed position."""
        self._epoch = await asyncio.to_thread(self._store.claim, PARTITION)
        loaded = await asyncio.to_thread(self._store.load, PARTITION)
        for patient, blob in loaded.books.items():
            self._ward.book.load(patient, blob)
        position = loaded.positions.get(Topic.SAMPLES, await self._log.begin(Topic.SAMPLES))
        await self._replay(loaded, position)
        await asyncio.to_thread(self._miss_strips)
        self._ward.book.resumed(self._clock())
        await self._relay()
        commands = self._log.reader(Topic.COMMANDS, loaded.positions.get(Topic.COMMANDS, 0))
        return self._log.reader(Topic.SAMPLES, position), commands

    async def _replay(self, loaded: Loaded, position: int) -> None:
        """Bring the engine from its checkpoints to `position`, which the book has seen."""
        starts: dict[str, int] = {}
        for checkpoint in loaded.checkpoints:
            with contextlib.suppress(ValueError):
                if checkpoint.engine == self._engine:
                    self._ward.restore(checkpoint.patient, checkpoint.blob)
                    starts[checkpoint.patient] = checkpoint.offset
        begin = min(starts.values(), default=position)
        if len(starts) < len(loaded.checkpoints):
            recent = round((self._clock() - REPLAY_SECONDS) * 1000)
            begin = min(begin, await self._log.offset_at(Topic.SAMPLES, recent))
        begin = max(begin, await self._log.begin(Topic.SAMPLES))
        reader = self._log.reader(Topic.SAMPLES, begin)
        while reader.position() < position:
            records = await reader.poll(min(BATCH, position - reader.position()), POLL_SECONDS)
            wanted = [r for r in records if r.offset >= starts.get(r.key, 0)]
            await asyncio.to_thread(self._shift.samples, _arrivals(wanted), live=False)
        _log.info("took over at %d after a replay of %d records", position, position - begin)

    def _miss_strips(self) -> None:
        """Alarms that stood when the last worker ended may still want their strip."""
        for patient in list(self._ward.book.patients()):
            for alarm in self._ward.book.alarms(patient):
                stored = self._store.history.alarm(alarm.id)
                if stored is None or stored.strip is None:
                    self._shift.want(alarm)

    # ── A turn ────────────────────────────────────────────────────────────────────────────────

    async def _turn(self, samples: Reader, commands: Reader) -> None:
        """Poll, push, publish, commit."""
        records = await _poll(samples, BATCH, POLL_SECONDS)
        asked = await _poll(commands, COMMANDS, 0.0)
        positions = {
            Topic.SAMPLES.value: samples.position(),
            Topic.COMMANDS.value: commands.position(),
        }
        events = await self._push(records)
        turn = await asyncio.to_thread(self._conclude, records, asked, events, positions)
        direct = [e for e in turn.events if not isinstance(e, Alarm | CommandDone)]
        if direct:
            await self._log.append(Topic.EVENTS, [codec.entry(event) for event in direct])
        if not (records or asked or turn.events or turn.moved or turn.checkpoints):
            return
        waiting = await asyncio.to_thread(
            commit, self._store, PARTITION, self._epoch, turn, Topic.SAMPLES.value
        )
        if waiting:
            await self._relay()

    async def _push(self, records: Sequence[Record]) -> list[Event]:
        """The engine over the records, and the strips that became due on the way.

        One record of each patient at a time, so that a strip stands in the same place among an
        alarm's updates however many records were polled together.
        """
        events: list[Event] = []
        for batch in self._ward.batches(_arrivals(records)):
            events += await asyncio.to_thread(self._shift.samples, batch)
            for wanted in self._shift.due_strips():
                strip = strips.cut(wanted, await self._signal(wanted))
                events += self._shift.strip(wanted, strip)
        return events

    def _conclude(
        self,
        records: Sequence[Record],
        asked: Sequence[Record],
        events: list[Event],
        positions: dict[str, int],
    ) -> Turn:
        """Commands, deadlines, and what is to be written of the turn."""
        commands = _commands(asked)
        for command, now in commands:
            events += self._shift.command(command, now)
        if len(records) < BATCH:
            events += self._shift.tick(self._clock() - TICK_DELAY)
        events += self._lag(records)
        told = {r.key for r in records} | {command.patient for command, _ in commands}
        turn = self._shift.close(events, told, positions)
        turn.commands = {command.id: command for command, _ in commands}
        return turn

    def _lag(self, records: Sequence[Record]) -> list[Event]:
        """ANALYSIS_LAG for everybody while the records at hand have waited for long."""
        late = bool(records) and self._clock() - records[-1].time_ms / 1000 > LAG_SECONDS
        if late == self._late:
            return []
        self._late = late
        return self._shift.fault("ANALYSIS_LAG", on=late)

    async def _signal(self, wanted: Wanted) -> list[Block]:
        """The blocks of a patient around a strip."""
        start = round((wanted.time - 2 * strips.BEFORE_SECONDS) * 1000)
        offset = await self._log.offset_at(Topic.SAMPLES, start)
        records = await self._log.by_key(Topic.SAMPLES, wanted.patient, offset, STRIP_RECORDS)
        return [m for m, _ in _arrivals(records) if isinstance(m, Block)]

    async def _relay(self) -> None:
        """Publish what waits in the outbox, in its order."""
        while pending := await asyncio.to_thread(self._store.pending, RELAY, PARTITION):
            for topic in (Topic.ALARMS, Topic.EVENTS):
                entries = [Entry(p.key, p.value, p.id) for p in pending if p.topic == topic]
                if entries:
                    await self._log.append(topic, entries)
            await asyncio.to_thread(self._store.published, [p.seq for p in pending])


async def _poll(reader: Reader, count: int, seconds: float) -> list[Record]:
    """Poll; a place that the log no longer has is left, loudly."""
    try:
        return await reader.poll(count, seconds)
    except OffsetOutOfRange as error:
        _log.error("%s: going on at %d", error, error.begin)
        reader.seek(error.begin)
        return []


def _arrivals(records: Sequence[Record]) -> list[Arrived | Greeted]:
    """Decode samples; what cannot be read is logged and left out, and stalls nobody."""
    found: list[Arrived | Greeted] = []
    for record in records:
        try:
            message = wire.samples.decode(record.value)
        except WireError as error:
            _log.warning("samples[%d]: %s: %s", record.offset, error.code, error)
            continue
        found.append((message, record.time_ms / 1000))
    return found


def _commands(records: Sequence[Record]) -> list[tuple[AnyCommand, float]]:
    """Decode commands; what cannot be read is logged and left out."""
    found: list[tuple[AnyCommand, float]] = []
    for record in records:
        try:
            found.append((wire.commands.decode(record.value), record.time_ms / 1000))
        except WireError as error:
            _log.warning("commands[%d]: %s: %s", record.offset, error.code, error)
    return found
