"""The worker's loop: poll → push → publish → commit, and how it takes up where another left off.

Engine and store run in a thread of their own, so that the loop's heartbeats go on. Beats and vitals
are published before the commit, under ids that make a repetition harmless; alarms and the results
of commands go through the outbox of the same transaction that moves the positions, so that they
are published exactly when they are true.

Commands take their place among the samples by the time at which the log took them, so that a worker
that is behind does what one that was not would have done.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ecg.messages import Block, Rejected
from ecg.strips import cut
from stream.engine.events import Event
from stream.engine.intake import Arrived, patient_of
from stream.engine.ward import Ward
from stream.log import Log, LogUnavailable, Reader, Record, Topic
from stream.store import Keep, Store
from stream.worker import reading
from stream.worker.chores import Chores
from stream.worker.drift import DriftWatch
from stream.worker.journal import Turn, commit
from stream.worker.occupied import occupied
from stream.worker.outgoing import Outgoing
from stream.worker.reading import Asked
from stream.worker.recent import Recent
from stream.worker.takeover import Takeover
from stream.worker.turn import AnalysisError, Shift

BATCH: Final = 4096
"""Records of a poll: about four seconds of a thousand patients at one block a second."""
POLL_SECONDS: Final = 0.05
"""How long a poll waits for samples; commands and deadlines are looked at as often."""
GLANCE_SECONDS: Final = 0.001
"""Takes what has been fetched, where a look that does not wait would ask the broker."""
TICK_DELAY: Final = 0.5
"""Deadlines are looked at so late, since records that the log took earlier may still be read."""
LAG_SECONDS: Final = 5.0
"""The analysis is late when the record at hand has waited for so long."""
RESUME_SECONDS: Final = 3.0
"""After a start no deadline passes for so long without a record that says so: devices that could
not reach a server that was down come back first (NO_DATA is raised after as long a silence)."""

_log = logging.getLogger("beatwire.worker")


class Worker:
    """Analyses one partition until it is told to stop.

    Args:
        log: opened, writes events and alarms.
        store: where positions, books and checkpoints are kept.
        ward: a fresh engine and alarm book.
        partition: of samples and commands.
        engine: version of the engine, written into checkpoints.
        every: stream seconds between two checkpoints of a patient.
        pace: seconds between the starts of two turns, at least; above 0 where log and store are
            across a network.
        keep: how long the store keeps what.
        watch: keeps what the model saw, if anybody wants to know.
        clock: seconds since 1970.

    Attributes:
        written: next offsets, by topic, as they were committed last; empty before the first time.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        ward: Ward,
        *,
        partition: int = 0,
        engine: str,
        every: float,
        pace: float = 0.0,
        keep: Keep | None = None,
        watch: DriftWatch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.partition = partition
        self.written: dict[str, int] = {}
        self._log = log
        self._store = store
        self._ward = ward
        self._begin = partial(Shift, engine=engine, every=every)
        self._shift = self._begin(ward)
        self._careful_until = 0
        self._chores = Chores(store, keep or Keep(), watch)
        self._pace = pace
        self._clock = clock
        self._epoch = 0
        self._recent = Recent(log, partition)
        self._outgoing = Outgoing(log, store, partition, clock)
        self._resumed = 0.0
        self._held: list[Asked] = []
        self._refused: list[Rejected] = []
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the present turn."""
        self._stopping.set()

    async def run(self) -> None:
        """Take over the partition and work; leave so that the next owner has nothing to replay.

        Raises:
            Fenced: another worker has taken the partition.
            LogError, StoreError: a turn could not be written; nothing of it counts.
        """
        samples, commands = await self.take_over()
        try:
            while not self._stopping.is_set():
                next_turn = asyncio.get_running_loop().time() + self._pace
                await self.turn(samples, commands)
                await asyncio.to_thread(self._chores.do, self._clock(), self._ward.roll)
                await self._rest(next_turn)
            await self._commit(self._shift.close([], set(), self.written, leaving=True))
        finally:
            await samples.close()
            await commands.close()

    async def _rest(self, until: float) -> None:
        """Wait for the next turn, or for the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._stopping.wait()

    async def take_over(self) -> tuple[Reader, Reader]:
        """Fence the last worker off, come to where it committed; readers that stand there."""
        self._epoch = await asyncio.to_thread(self._store.claim, self.partition)
        await self._restore()
        return self._reader(Topic.SAMPLES), self._reader(Topic.COMMANDS)

    async def _restore(self) -> None:
        """Come to where the last commit was, and say what is news there."""
        loaded = await asyncio.to_thread(self._store.load, self.partition)
        takeover = Takeover(self._log, self._store, self._shift, self.partition, self._clock())
        try:
            await takeover.run(loaded)
        except AnalysisError:
            self._forget(careful=True)
            await self._restore()
            return
        self._resumed = self._clock()
        turn = self._shift.close(takeover.news, set(), takeover.positions)
        turn.rewound = takeover.rewound
        await self._commit(turn)
        await self._outgoing.relay()
        await self._recent.begin(self.written[Topic.SAMPLES])

    def _forget(self, *, careful: bool) -> None:
        """Know nothing, as a worker that has just begun."""
        self._ward = self._ward.emptied()
        self._shift = self._begin(self._ward)
        self._shift.careful = careful
        self._recent = Recent(self._log, self.partition)
        self._held, self._refused = [], []

    def _reader(self, topic: Topic) -> Reader:
        return self._log.reader(topic, {self.partition: self.written[topic.value]})

    # ── A turn ────────────────────────────────────────────────────────────────────────────────

    async def turn(self, samples: Reader, commands: Reader) -> None:
        """Poll samples and commands, push, publish, commit.

        A turn in which the analysis fails does not count: it is done again from what the store has,
        patient by patient, so that whose samples they were is found and left out.
        """
        try:
            await self._turn(samples, commands)
        except AnalysisError:
            self._careful_until = samples.position(self.partition)
            self._forget(careful=False)
            await self._restore()
            for reader, topic in ((samples, Topic.SAMPLES), (commands, Topic.COMMANDS)):
                reader.seek(self.written[topic.value], self.partition)
            self._shift.careful = True
            await self._turn(samples, commands)
        if self._shift.careful:
            self._shift.careful = samples.position(self.partition) < self._careful_until

    async def _turn(self, samples: Reader, commands: Reader) -> None:
        polled = self._clock()
        try:
            end = await self._log.end(Topic.SAMPLES, self.partition)
            records = await reading.poll(samples, BATCH, POLL_SECONDS)
        except LogUnavailable:
            self._resumed = polled  # who sends cannot be seen: devices come back first
            return
        caught_up = samples.position(self.partition) >= end
        arrivals = reading.arrivals(records, self._refused.append)
        self._recent.take(arrivals)
        ready = await self._commands(commands, arrivals, caught_up=caught_up)
        events = await self._push(arrivals, ready)
        ahead = commands.position(self.partition)
        positions = {
            Topic.SAMPLES.value: samples.position(self.partition),
            Topic.COMMANDS.value: self._held[0].offset if self._held else ahead,
        }
        until = polled - TICK_DELAY if caught_up and polled >= self._resumed + RESUME_SECONDS else 0
        told = {record.key for record in records}
        turn = await asyncio.to_thread(
            self._conclude, arrivals, told, ready, events, positions, until
        )
        refused, self._refused = self._refused, []
        await self._outgoing.publish(turn.events, refused)
        await self._commit(turn)

    async def _commands(
        self, reader: Reader, arrivals: Sequence[Arrived], *, caught_up: bool
    ) -> list[Asked]:
        """Commands whose time has come: every sample that the log took before them is at hand.

        One that is read after the samples is held back until samples after it are at hand, or were
        looked for and there are none.
        """
        latest = arrivals[-1][1] if arrivals else 0.0
        count = sum(asked.time < latest or caught_up for asked in self._held)
        ready, self._held = self._held[:count], self._held[count:]
        wait = GLANCE_SECONDS if self._pace else 0.0
        records: list[Record] = []
        with contextlib.suppress(LogUnavailable):
            records = await reading.poll(reader, BATCH, wait)
        for asked in reading.commands(records, self._refused.append):
            passed = not self._held and asked.time < latest
            (ready if passed else self._held).append(asked)
        return ready

    async def _push(self, arrivals: Sequence[Arrived], ready: Sequence[Asked]) -> list[Event]:
        """The engine over the records, with each command in its place."""
        events: list[Event] = []
        done = 0
        for asked in ready:
            begin = done
            while done < len(arrivals) and arrivals[done][1] <= asked.time:
                done += 1
            events += await self._samples(arrivals[begin:done])
            place = (self._store, self.partition, self._epoch)
            taken = await asyncio.to_thread(occupied, *place, asked.command)
            events += await asyncio.to_thread(self._shift.command, asked.command, asked.time, taken)
        return events + await self._samples(arrivals[done:])

    async def _samples(self, arrivals: Sequence[Arrived]) -> list[Event]:
        """The engine over records, and the strips that became due on the way.

        One record of each patient at a time, so that a strip stands in the same place among an
        alarm's updates however many records were polled together.
        """
        events: list[Event] = []
        for batch in self._ward.batches(arrivals):
            events += await asyncio.to_thread(self._shift.samples, batch)
            if not self._shift.wanted:
                continue
            times = {patient_of(record): now for record, now in batch}
            for wanted in self._shift.due_strips():
                until = times.get(wanted.patient, self._shift.now)
                blocks = await self._recent.signal(wanted, until)
                strip = cut(blocks, wanted.session, wanted.first, wanted.end)
                events += self._shift.strip(wanted, strip)
        return events

    def _conclude(
        self,
        arrivals: Sequence[Arrived],
        told: set[str],
        ready: Sequence[Asked],
        events: list[Event],
        positions: dict[str, int],
        until: float,
    ) -> Turn:
        """Deadlines up to `until` (0: none), and what is to be written of the turn."""
        if until:
            events += self._shift.tick(until)
        if until or arrivals:
            waited = self._clock() - arrivals[-1][1] if arrivals else 0.0
            present = {r.patient: now for r, now in arrivals if isinstance(r, Block)}
            events += self._shift.lag(present, late=waited > LAG_SECONDS, waited=waited)
        turn = self._shift.close(events, told, positions)
        turn.commands = {asked.command.id: asked.command for asked in ready}
        return turn

    async def _commit(self, turn: Turn) -> None:
        """Write the turn if there is anything to it, and publish what that made true."""
        if not turn.counts(self.written):
            return
        now = self._clock()
        waiting = await asyncio.to_thread(
            commit, self._store, self.partition, self._epoch, turn, now
        )
        self.written = turn.positions
        if waiting:
            await self._outgoing.relay()
