"""What leaves the worker for the log: beats and vitals at once, alarms through the outbox."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from ecg.messages import Alarm, CommandDone, Rejected
from stream.engine.events import Event
from stream.log import Log, Topic
from stream.store import Store
from stream.worker import codec

RELAY: Final = 512

_log = logging.getLogger("beatwire.worker")


class Outgoing:
    """Publishes what a worker of one partition has to say.

    Args:
        log: to write to.
        store: with the outbox.
        partition: of the worker.
        clock: seconds since 1970.
    """

    def __init__(self, log: Log, store: Store, partition: int, clock: Callable[[], float]) -> None:
        self._log = log
        self._store = store
        self._partition = partition
        self._clock = clock

    async def publish(self, events: Sequence[Event], refused: Sequence[Rejected]) -> None:
        """What does not go through the outbox: its ids make a repetition harmless."""
        direct = [e for e in events if not isinstance(e, Alarm | CommandDone)]
        if direct:
            await self._log.append(Topic.EVENTS, [codec.entry(event) for event in direct])
        if refused:
            first = refused[0]
            place = f"{first.topic}[{first.partition}]@{first.offset}: {first.code}"
            _log.warning("%d refused, see %s: %s", len(refused), Topic.REJECTED.value, place)
            await self._log.append(Topic.REJECTED, [codec.refusal(each) for each in refused])

    async def relay(self) -> None:
        """Publish what waits in the outbox, in its order."""
        while pending := await asyncio.to_thread(self._store.pending, RELAY, self._partition):
            now = self._clock()
            for topic in (Topic.ALARMS, Topic.EVENTS):
                entries = [codec.leaving(p, now) for p in pending if p.topic == topic]
                if entries:
                    await self._log.append(topic, entries)
            await asyncio.to_thread(self._store.published, [p.seq for p in pending])
