"""Reads the event topics, each once for the whole process, and hands events to their audience."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from stream.gateway.cursor import Cursor
from stream.gateway.fanout import CHANNEL_OF, WAVEFORM, Delivery, Fanout, Subscription
from stream.gateway.metrics import Metrics
from stream.gateway.turns import Turn
from stream.gateway.watchdogs import Watchdogs
from stream.log import Log, OffsetAhead, OffsetExpired, Reader, Record, Topic

PAGE: Final = 256
"""Records a poll: small, so that one poll's decoding stays far below 5 ms."""
POLL_SECONDS: Final = 1.0
MONITOR_SECONDS: Final = 0.5

LogEvent = m.Beat | m.Vitals | m.Gap | m.Alarm | m.CommandDone

_log = logging.getLogger("beatwire.gateway")


class Hub:
    """The live end of the event log, with everyone who follows it.

    Attributes:
        cursor: where the live end stands: everything before it was handed out.
    """

    def __init__(
        self, log: Log, watchdogs: Watchdogs, metrics: Metrics, tell: Callable[[m.Alarm], None]
    ) -> None:
        """Follow `log`; `tell` takes what the patient's own device is to know."""
        self.log = log
        self.watchdogs = watchdogs
        self.metrics = metrics
        self._tell = tell
        self.cursor = Cursor({})
        self.fanout = Fanout()
        self._wakers: dict[Subscription, Callable[[], None]] = {}
        self._waves: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin at the end of the log."""
        for topic in (Topic.ALARMS, Topic.EVENTS):
            for partition in await self.log.partitions(topic):
                end = await self.log.end(topic, partition)
                self.cursor.positions[topic][partition] = end
            self._tasks.append(asyncio.create_task(self._tail(topic, self._event)))
        self._tasks.append(asyncio.create_task(self._watch()))

    async def stop(self) -> None:
        """End all tasks."""
        tasks = [*self._tasks, *([self._waves] if self._waves else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def covers(self, cursor: Cursor) -> bool:
        """Whether the log still has, or already had, what comes after `cursor`."""
        for topic, offsets in cursor.positions.items():
            for partition in await self.log.partitions(topic):
                begin = await self.log.begin(topic, partition)
                live = self.cursor.positions[topic][partition]
                if not begin <= offsets.get(partition, 0) <= live:
                    return False
        return True

    # ── Followers ─────────────────────────────────────────────────────────────────────────────

    def attach(self, subscription: Subscription, wake: Callable[[], None]) -> None:
        """Hand it everything from `cursor` on; `wake` is called when something waits."""
        self.fanout.add(subscription)
        self._wakers[subscription] = wake
        if subscription.mask & WAVEFORM and self._waves is None:
            self._waves = asyncio.create_task(self._tail_waves())

    def detach(self, subscription: Subscription) -> None:
        """It has gone."""
        self.fanout.remove(subscription)
        self._wakers.pop(subscription, None)
        if self._waves is not None and not self.fanout.mask & WAVEFORM:
            self._waves.cancel()
            self._waves = None

    def publish(self, alarm: m.Alarm, but: str = "") -> None:
        """An alarm of the gateway's own, which stands in no log: the cursor stays.

        It goes to the patient's device and to every subscriber but the receiver `but`.
        """
        self._expect(alarm)
        self._hand_out(alarm, but)
        self._tell(alarm)

    # ── The log ───────────────────────────────────────────────────────────────────────────────

    async def _tail(self, topic: str, take: Callable[[Record], None]) -> None:
        """Follow one topic for ever."""
        reader = self.log.reader(topic, self.cursor.positions[topic])
        await self._follow(reader, take)

    async def _tail_waves(self) -> None:
        partitions = await self.log.partitions(Topic.SAMPLES)
        ends = {p: await self.log.end(Topic.SAMPLES, p) for p in partitions}
        await self._follow(self.log.reader(Topic.SAMPLES, ends), self._wave)

    async def _follow(self, reader: Reader, take: Callable[[Record], None]) -> None:
        while True:
            try:
                records = await reader.poll(PAGE, POLL_SECONDS)
            except OffsetExpired as error:
                _log.warning("%s: %d records lost to us", error, error.begin - error.position)
                reader.seek(error.begin, error.partition)
                continue
            except OffsetAhead as error:
                reader.seek(error.end, error.partition)
                continue
            turn = Turn()
            for record in records:
                take(record)
                await turn.rest()

    def _event(self, record: Record) -> None:
        self.cursor.positions[record.topic][record.partition] = record.offset + 1
        event = readable(record)
        if event is None:
            return
        self.metrics.events_total += 1
        if isinstance(event, m.Vitals):
            self.watchdogs.monitor.vitals(event, asyncio.get_running_loop().time())
        if isinstance(event, m.Vitals | m.Alarm):
            self.fanout.place(event.patient, event.unit)
        if isinstance(event, m.Alarm):
            self._expect(event)
        self._hand_out(event)

    def _expect(self, alarm: m.Alarm) -> None:
        """Await that its receivers confirm it."""
        unit, now = self.fanout.unit(alarm.patient), asyncio.get_running_loop().time()
        self.watchdogs.delivery.alarm(alarm, unit, now)

    def _hand_out(self, event: LogEvent, but: str = "") -> None:
        audience = self.fanout.audience(CHANNEL_OF[type(event)], event.patient)
        if not audience:
            return
        delivery = Delivery(m.Event(cursor=self.cursor.encode(), event=event))
        for subscription in audience:
            if not but or subscription.receiver != but:
                subscription.put(delivery)
                self._wakers[subscription]()

    def _wave(self, record: Record) -> None:
        audience = self.fanout.audience(WAVEFORM, record.key)
        if not audience:
            return
        with contextlib.suppress(WireError):
            block = wire.samples.decode(record.value)
            if isinstance(block, m.Block):
                delivery = Delivery(m.Event(cursor="", event=block))
                for subscription in audience:
                    self.metrics.dropped_total += subscription.put_wave(block, delivery)
                    self._wakers[subscription]()

    async def _watch(self) -> None:
        """Raise and end the gateway's own alarms."""
        delivery = self.watchdogs.delivery
        while True:
            await asyncio.sleep(MONITOR_SECONDS)
            now = asyncio.get_running_loop().time()
            for receiver, alarm in self.watchdogs.tick(now, time.time()):
                self.publish(alarm, but=receiver)
            self.metrics.not_monitored = len(self.watchdogs.monitor.active)
            self.metrics.receivers = delivery.count
            self.metrics.undelivered = len(delivery.standing())


def readable(record: Record) -> LogEvent | None:
    """The event of a record; None, and a line in the log, if it cannot be read."""
    try:
        event: LogEvent = wire.events.decode(record.value)
    except WireError as error:
        _log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
        return None
    return event
